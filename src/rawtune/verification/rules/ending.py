"""RT106, RT109 and RT115: an answer that was cut off, is too short or too long, or is none: a refusal."""

import re
import unicodedata
from collections.abc import Iterator

from rawtune.records import Severity
from rawtune.verification.prose import is_code
from rawtune.verification.rule import Column, Row, Spot, rule

_CLOSING = frozenset("。！？.!?…⋯)）」』】》〉>]｝}|।॥؟۔։።｡～~`$")
_HELD_OPEN = frozenset(",，、:：;；(（[【「『“‘《")
_PICTURES = frozenset(("So", "Sk", "Mn", "Cf"))
"""Categories of the last sign of an emoji: a picture, its colour, its variant, what joins it to others."""
_WRAPPING = "\"”’'」』*_ \t\n　"
# No English text ends on one of these.
_LEADING = re.compile(
    r"\b(?:the|an?|and|or|because|although|whereas|which|whose|than|from|into|their|his|its|our|your|every)$"
)
_SENTENCE_END = re.compile(
    r"[。！？…]|[!?](?!\w)|[^\W\d]{2}(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bNo)(?<!\bJr)(?<!\badj)(?<!\badv)(?<!\bvt)(?<!\bvi)(?<!\bprep)(?<!\bconj)(?<!\bpron)\.(?=[\s\"”')）]|$)|[)\d]\.(?=\s+[A-Z])"
)
# Particles that end a sentence of spoken Chinese, and of classical.
_PARTICLES = frozenset("哈呢吧哦啊呀啦嘛哟噢呗咯嘞吗也矣焉耳哉乎欤")
# What ends a sentence of a chat, and a verdict of an oracle.
_FINAL_HAN = re.compile(
    r"(?:就行|就好|就可以|即可|可以的|好了|行了|没问题|没关系|不客气|谢谢[您你]?|再见|稍等|等等|而已|为止|[元利贞无有终大小][亨贞吉凶吝咎悔])$"
)
_LABELLED = re.compile(
    r"\s*(?:(?:近|反|同)义词|例句|词性|拼音|读音|注音|释义|部首|笔画|英文|英译|又[称名]|别[名称]|简称|全称|量词|复数"
    r"|(?i:synonyms?|antonyms?|plural|origin|pronunciation|see also|cf))\s?[:：]\s?[^:：。.!?！？\n]{1,40}"
)
# A word that no whole Chinese answer ends on.
_LEADING_HAN = re.compile(r"(?:以及|并且|而且|但是|或者|如果|因为|由于|虽然|即使|通过|为了|根据|关于)$|[^是]的$")
_ITEM = re.compile(
    r"[ \t]*+(?:[-*+•·▪◦●○■□✓✔►–—>|#]|\d{1,3}[.)、．:：]|[（(]?(?:\d{1,3}|[a-zA-Z一二三四五六七八九十]{1,3})[)）.、]"
    r"|[①-⑳]|第?[一二三四五六七八九十]{1,3}[、：:条章]|\*{0,2}[^\n:：。]{1,30}[:：])"
)
_LOOSE = re.compile(
    r"https?://\S+$|\S@\S+$|[#@]\w+$|\w\.\w+$|[=+*/^<≈≤≥→][^\n]*$|(?:[-–—―~]|——)\s?[^\W\d][^\n,，。]{0,40}$|\s(?:\"|“)[^\n]{1,60}$"
    r"|\d\s?(?:[a-zA-Z%°℃]{0,3}|元|年|月|日|个|人|米|岁|分|秒|次|倍|种|页|卷)$"
)
_HAN = re.compile(r"[一-鿿]")
_WORD = re.compile(r"[^\W\d_]+")
_SPOKEN = 12  # characters


@rule("RT106", "not-closed")
def not_closed(row: Row, *, longest_phrase: int = 6) -> Iterator[Spot]:
    """The answer breaks off: it ends on a comma or a conjunction, or its last sentence has no full stop.

    A phrase of up to ``longest_phrase`` words is whole without a full stop, and so is a single Chinese sentence of
    three times as many characters; so are titles, items of lists, verses, signatures, formulas, addresses, and what
    ends on an emoji or as sentences of a chat or of classical Chinese do. Where a reply shows that its answer is whole,
    as a closed JSON object does, found is only what ends, behind a closed sentence, on a comma or a conjunction; where
    a reply does not show it, any missing full stop is.

    Bad:
        Meng | Meng is a spring at the
        Meng | Meng is youth. It asks the teacher once and then
        蒙卦 | 蒙卦上艮下坎，
        蒙卦 | 蒙卦上艮下坎，而且
        蒙卦 | 蒙卦象征启蒙。君子应当效法山下出泉，以果断的
    Good:
        Meng | Meng is a spring at the foot of a mountain.
        What is the capital of France? | Paris
        蒙卦吉不吉？ | 亨，吉。放心去做吧
        买了三天可以退吗 | 可以的亲，7天无理由退货，保持吊牌完好就行
        蒙卦的卦辞是什么？ | 亨。初筮告，再三渎，渎则不告。利贞
        上下卦是什么？ | 上卦为艮，下卦为坎
        启蒙 | 使初学的人明白事理。近义词：启发
        蒙卦 | 蒙卦上艮下坎，山下出泉，象征启蒙。
        这句话对吗？ | 正确
    """
    answer = row.answer.rstrip()
    if not answer or answer[-1] in _CLOSING:
        return
    end = answer.rstrip(_WRAPPING)
    if not end or end[-1] in _CLOSING or end[-1] in _PARTICLES or unicodedata.category(end[-1]) in _PICTURES:
        return
    if row.closed is not False and _FINAL_HAN.search(end[-20:]):
        return
    if row.closed:
        if _is_held_open(answer, end):
            yield Spot("breaks off in the middle of a sentence", Column.ANSWER, len(answer) - 1, len(answer))
    elif row.closed is False or _is_cut(answer, end, longest_phrase):
        yield Spot("breaks off without a full stop", Column.ANSWER, len(answer) - 1, len(answer))


def _is_held_open(answer: str, end: str) -> bool:
    """Whether even a whole reply must have been cut: behind a closed sentence the last one ends where none can."""
    comma = end[-1] in ",，、(（【["
    leading = comma or _LEADING.search(end[-20:])
    if not leading and not _LEADING_HAN.search(end[-20:]):
        return False
    line = answer[answer.rfind("\n") + 1 :]
    last = _SENTENCE_END.split(line)[-1]
    return last != line and not is_code(answer) and bool(leading or "是" not in last)


def _is_cut(answer: str, end: str, longest_phrase: int) -> bool:
    line = answer[answer.rfind("\n") + 1 :]
    if end[-1] in _HELD_OPEN or (_LEADING.search(end[-20:]) and len(line.split()) > 2):
        return not is_code(answer)
    if not end[-1].isalnum() or answer[-1] in "\"”’'」』*_" or _LOOSE.search(line[-120:]) or is_code(answer):
        return False
    item = _ITEM.match(line)
    closed = [at.end() for at in _SENTENCE_END.finditer(line, item.end() if item else 0)]
    last = line[closed[-1] :] if closed else line
    if _LABELLED.fullmatch(last):  # the end of an entry in a dictionary
        return False
    if closed:  # a sentence of this very line is closed, and the last is not
        after_prose = len(closed) > 1 or len(_WORD.findall(line, 0, closed[-1])) > 5
        return bool(_HAN.search(last)) or len(_WORD.findall(last)) > (0 if after_prose else 2)
    before = [other for other in answer[: len(answer) - len(line)].split("\n") if other.strip()]
    alike = [other for other in before if (_ITEM.match(other) is None) is (item is None)]
    if alike and sum(other.rstrip(_WRAPPING)[-1:] in _CLOSING for other in alike) * 2 <= len(alike):
        return False  # lines of verse, of a list, of a table
    if item and not alike:
        return False
    return _leads_on(last, end) or _is_sentence(last, longest_phrase)


def _leads_on(last: str, end: str) -> bool:
    """Whether a Chinese text ends on a word that none ends on; 的 may end a short one: 「周末也上班的」."""
    match = _LEADING_HAN.search(end)
    return match is not None and "是" not in last and (match.group()[-1] != "的" or len(last) > _SPOKEN)


def _is_sentence(text: str, longest_phrase: int) -> bool:
    """Whether a text without a full stop reads like (a part of) a sentence rather than a title, a list or a verse."""
    if len(set(text)) < 6:
        return False  # laughter
    han = len(_HAN.findall(text))
    words = [word for word in _WORD.findall(text) if word.isascii()]
    if han / 2 + len(words) <= longest_phrase:
        return False
    if han > len(words):  # many leave out the full stop of a single sentence; one that was cut off is long
        return han > 3 * longest_phrase
    small = sum(word.islower() for word in words)
    listed = text.count(",") * 3 >= len(words)
    return small * 2 > len(words) and not listed and len(text) > 3 * len(words)


@rule("RT109", "length", severity=Severity.WARNING)
def length(
    row: Row, *, shortest_answer: int = 2, longest_answer: int = 8000, longest_question: int = 4000
) -> Iterator[Spot]:
    """The answer is shorter or longer, or the question longer, than so many characters.

    What is longer than the training's longest input or output is cut there. A Chinese character counts as two where an
    answer is short, and one sign that is not a small letter (a choice, a number) is never too short.

    Bad:
        Meng | m
        蒙卦 | y
    Good:
        Which is right, A or B? | B
        蒙卦吉不吉？ | 吉
    """
    answer = row.answer
    if len(answer) > longest_answer:
        yield Spot(
            f"has {len(answer):,} characters, more than {longest_answer:,}", Column.ANSWER, longest_answer, len(answer)
        )
    elif len(answer) < shortest_answer or len(bare := answer.strip()) < shortest_answer:
        bare = answer.strip()
        single = len(bare) == 1 and not bare.islower()
        wide = sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in bare)
        if wide < shortest_answer and bare and not single:
            yield Spot(f"has fewer than {shortest_answer} characters", Column.ANSWER, 0, len(answer))
    if len(row.question) > longest_question:
        message = f"has {len(row.question):,} characters, more than {longest_question:,}"
        yield Spot(message, Column.QUESTION, longest_question, len(row.question))


_ABLE = (
    r"(?:help|assist|answer|provide|fulfil|comply|complete|generate|create|write|discuss|share|support|engage|access|browse"
    r"|open|view|see|determine|process|continue|translate|respond|do that|do this|offer|give|produce|identify|find"
    r"|perform)"
)
_REFUSAL = re.compile(
    r"[\s\"“]*(?:"
    r"(?:(?:I['’]m|I am) (?:very |so |really )?sorry|(?:I )?apologi[sz]e|My apologies|Sorry|Unfortunately)[,.]? "
    r"(?:but |that )?"
    r"(?:(?:as an? [^,.\n]{1,40}, )?I(?:['’]m| am)? ?)"
    rf"(?:can(?:not|['’]t| not)|(?:not able|unable) to|won['’]t|don['’]t have|do not have|not) ?"
    rf"(?:be able to |really )?(?:{_ABLE}|access|enough|the ability|information|comfortable|sure what)"
    rf"|I(?:['’]m| am)? (?:can(?:not|['’]t)|(?:not able|unable) to|won['’]t(?: be able to)?) {_ABLE}\b[^.\n]{{0,80}}"
    r"(?:request|that|this|question|information|content|with|assist)"
    r"|As an? (?:AI|artificial intelligence)\b[^,.\n]{0,40}, (?:I|my|it)\b"
    r"|(?:非常|很|十分)?(?:抱歉|对不起|不好意思)[，,！!。 ]*(?:但(?:是)?)?(?:作为[^，,。\n]{1,30}[，,])?"
    r"(?:我(?!们)|本助手|这个问题我)"
    r"(?:目前|暂时|现在|并|还)?(?:无法|不能|没有办法|没办法|不便|不会|没有(?:足够|相关|能力))"
    r"(?!参加|去|来|陪|接受|原谅|答应|赴)"
    r"|我(?:目前)?(?:无法|不能)(?:回答|提供|协助|完成|满足|帮助你|帮助您|处理)(?:[^。\n]{0,20}(?:问题|请求|信息|内容|要求|帮助|协助)|[。，])"
    r"|作为(?:一个|一名|一款)?(?:AI|人工智能|大?语言模型|大型语言模型)[^，,。\n]{0,20}[，,]\s*我"
    r")",
    re.IGNORECASE,
)
# What assistants say when they refuse anything; whoever refuses a thing of his business names it.
_OF_ANYTHING = re.compile(
    r"\b(?:requests?|questions?|(?:that|this)(?: (?:topic|task|matter|kind|type|sort|content|information|subject))?"
    r"(?=[.,!?;]|$)|AI|artificial intelligence|language model|assistant|opinions?|browse|internet|real-?time"
    r"|enough (?:information|context|details?)|inappropriate|harmful|illegal|offensive|unethical|guidelines"
    r"|help you|assist you)\b"
    r"|(?:这|那|该|此|上述|您的|你的)(?:个|些|类|种|一)?(?:问题|请求|要求|内容|话题|任务|方面)|相关(?:的)?(?:内容|信息|能力|问题|资料)"
    r"|提供(?:任何|更多|进一步)?(?:的)?(?:帮助|协助|支持)|(?:帮助|协助)(?:你|您)|AI|人工智能|语言模型|助手|足够的?(?:信息|资料|上下文)|实时"
    r"|违法|违规|不当|敏感|个人(?:的)?(?:看法|观点|意见)",
    re.IGNORECASE,
)
_END = re.compile(r"[。！？!?\n]|\.(?=\s|$)")
_SAID_BY_OTHERS = re.compile(
    r"translat|rewrite|rephras|paraphras|dialog|conversation|letter|e-?mail|role-?play|act as|pretend"
    r"|your role|reply|respond to|apolog|polite|declin|refus|(?:write|tell|continue|complete|finish)[^.?!\n]{0,40}story"
    r"|(?:a|the|this|following|complete|correct|example|edit)(?<!in a)(?<!in the) sentences?\b|sentences?:"
    r"|翻译|改写|对话|邮件|道歉|拒绝|委婉|[写编续][^。？！\n]{0,10}故事|扮演|台词|造句|(?<!几个)(?<!两个)(?<!三个)句子|回复"
    r"|怎么说[”\"」]?[？?。]?\s*\Z",
    re.IGNORECASE,
)


@rule("RT115", "refusal")
def refusal(row: Row) -> Iterator[Spot]:
    """The answer opens with a refusal, or with the sentence that assistants put before one.

    Left alone where the question asks for a letter, a dialogue or a translation, in which such words are spoken, and
    where the answer names what of a business cannot be done, and why or how else.

    Bad:
        Meng | I'm sorry, but I can't help with that.
        Meng | As an AI language model, I have no opinion on hexagrams.
        蒙卦 | 很抱歉，我无法回答这个问题。
        蒙卦 | 作为一个AI语言模型，我没有个人看法。
    Good:
        Meng | I'm sorry to hear that you lost your way; Meng says to ask.
        能退款吗？ | 很抱歉，我们无法为已拆封的商品退款。
        Can I return software? | Unfortunately, I cannot process returns of opened software; please ask its maker.
    """
    match = _REFUSAL.match(row.answer)
    if match and _is_of_anything(row.answer, match.end()) and not _SAID_BY_OTHERS.search(row.question):
        yield Spot("refuses instead of answering", Column.ANSWER, *match.span())


def _is_of_anything(answer: str, end: int) -> bool:
    """Whether a refusal whose opening ends at ``end`` would do for any question; a bare one is too short to tell."""
    close = _END.search(answer, max(0, end - 1))
    said = answer[: close.start() if close else len(answer)]
    bare = answer.strip()
    return len(bare) <= (40 if bare.isascii() else 14) or _OF_ANYTHING.search(said) is not None

"""What stands in a row but says nothing (RT107, RT108, RT114, RT119): markup, loops, broken signs."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from rawtune.verification.prose import is_about_code, is_code, prose
from rawtune.verification.rule import Column, Row, Spot, rule

_CHAT = (
    r"<\|[a-zA-Z_]\w{1,30}\|>|<｜[^｜\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|</s>|(?:^|(?<=\n))<s>|<(?:start|end)_of_turn>"
    r"|<(?:bos|eos|pad|unk)>|\[(?:PAD|UNK|CLS|SEP|gMASK)\]|</think>"
    r"|(?:^|(?<=\n))#{2,3} ?(?:Instruction|Response|Human|Assistant|指令|回复)[:：]"
)
_TAG = (
    r"</?(?:br|p|div|span|strong|em|font|img|ul|ol|li|table|tr|td|th|h[1-6]|hr|center|blockquote|a)(?:\s[^<>\n]{0,300})?/?>"
    r"|</[biu]>"
)
_ENTITY = r"&(?:nbsp|lt|gt|amp|quot|apos|[lr][ds]quo|hellip|[mn]dash|copy|middot|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
_MARKUP = re.compile(f"{_CHAT}|{_TAG}|{_ENTITY}")
# Behind the end of a sentence; elsewhere the sentence may be about the token.
_TRAILING = re.compile(
    r"(?:(?<=[.!?。！？…])|(?<=[.!?。！？…][\"”’'」』）)*]))"
    r"(?:\s{0,9}(?:<\|[a-zA-Z_]\w{1,30}\|>|</s>|\[/INST\]|<(?:end_of_turn|eos|pad)>))++\s*\Z"
)
_BREAK = re.compile(r"(?:(?<=[.!?。！？…;；:：”」）)])[ ]?|(?<=\n))<br\s?/?>\n?")
_INNER_ENTITY = re.compile(rf"(?<=[^\s\W]){_ENTITY}|{_ENTITY}(?=[^\s\W])")
_ABOUT_TOKENS = re.compile(
    r"token|vocabular|chatml|chat template|special (?:mark|symbol)|\b(?:bert|roberta|gpt|llama|t5)\b"
    r"|词表|词元|分词|标记|特殊符号",
    re.IGNORECASE,
)
_ABOUT_MARKUP = re.compile(
    r"\b(?:entit(?:y|ies)|tags?|html|xml|markup|tokens?|characters?|symbols?|signs?|escap\w+|render\w*|instead|writ(?:e|ten|es)"
    r"|stands? for|typed?|ampersand)\b|实体|标签|标记|网页|符号|字符|空格|转义|换行|表示|代替|写[成作为]",
    re.IGNORECASE,
)
_WHAT_IS = re.compile(r"\bwhat (?:do|does|is|are) \Z", re.IGNORECASE)
_BOLD = re.compile(r"(?<!\*)\*\*(?!\*)")
_POWER = re.compile(
    r"(?<=[A-Za-z0-9)/])\*\*(?=[A-Za-z0-9(/])|\*\*/|/\*\*|\*\*kwargs|(?<=\s)\*\*(?=\s)|^[ \t]*\*\* ", re.MULTILINE
)


def _without_markup(text: str) -> str:
    """``text`` without the chat template's tokens at its end; entities and line breaks of HTML as characters.

    The latter only where nothing says that the text is about them.
    """
    text = _TRAILING.sub("", text) if text.rstrip()[-1:] in {">", "]"} else text
    if ("&" not in text and "<br" not in text) or is_about_code(text) or is_code(text) or prose(text) != text:
        return text
    mended = text if "|" in text else _BREAK.sub("\n", text)
    if _ABOUT_MARKUP.search(text) or "<" in mended or "&" in re.sub(_ENTITY, "", text):
        return text
    return _INNER_ENTITY.sub(lambda entity: html.unescape(entity[0]).replace("\xa0", " "), mended)


@rule("RT107", "markup", fix=_without_markup)
def markup(row: Row) -> Iterator[Spot]:
    """Leftover markup: tokens of a chat template, HTML, a code fence or a bold mark without its partner.

    The tuned model would write it for its readers, or end its turn in the middle of a text. Left alone: code, and rows
    that speak of code or markup; Markdown that is whole; ``<think>`` ... ``</think>`` at the beginning of an answer.

    Bad:
        Meng | Meng is youth.<|im_end|>
        Meng | Meng is **youth.
        蒙卦 | 蒙卦象征启蒙。<br>山下出泉。
        蒙卦 | 蒙卦&nbsp;象征启蒙。
    Good:
        Meng | **Meng** is youth & a spring; 2 < 3.
        What does <br> do? | It breaks the line.
        <br>是什么意思？ | 另起一行。
        How does one break a line in HTML? | Write <br> where the line ends.
        蒙卦 | **蒙卦**象征启蒙。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if ("<" in text or "&" in text or "[" in text or "##" in text) and (span := _left_over(row, text)):
            yield Spot(f"holds leftover markup: {text[slice(*span)]}", column, *span)
        if "```" in text and text.count("```") % 2 and "````" not in text:
            at = text.rfind("```")
            yield Spot("holds a code fence that is not closed", column, at, at + 3)
        elif "**" in text and (lone := _lone_bold(text)) is not None:
            yield Spot("holds a bold mark ** without its partner", column, lone, lone + 2)


def _left_over(row: Row, text: str) -> tuple[int, int] | None:
    shown = prose(text)
    start = shown.find("</think>") + 8 if shown.lstrip().startswith("<think>") else 0
    trailing = _TRAILING.search(text) if text.rstrip()[-1:] in {">", "]"} else None
    for match in _MARKUP.finditer(shown, max(0, start)):
        if re.match(_CHAT, match.group()):
            if (trailing and trailing.start() <= match.start()) or not _is_spoken_of(row.question, text, match):
                return match.span()
            continue
        if is_about_code(row.question) or is_about_code(text) or is_code(text) or _is_named(text, match):
            continue
        if "|" not in text[text.rfind("\n", 0, match.start()) + 1 : match.end()]:
            return match.span()
    return None


def _is_spoken_of(question: str, text: str, token: re.Match[str]) -> bool:
    return bool(_ABOUT_TOKENS.search(question) or _ABOUT_TOKENS.search(_sentence_around(text, *token.span())))


def _is_named(text: str, sign: re.Match[str]) -> bool:
    """Whether a text speaks of a tag or entity, rather than being marked up with it: the words stand apart from it."""
    start, end = sign.span()
    if not text[:start].strip() and text[end:].lstrip().startswith(("是什么", "有什么", "什么意思")):
        return True
    apart = text[max(0, start - 1) : start] in {"", " "} and not text[end : end + 1].isalnum()
    return apart and (
        text[max(0, start - 3) : start].endswith((" a ", "an "))
        or _WHAT_IS.search(text, max(0, start - 12), start) is not None
        or _ABOUT_MARKUP.search(_sentence_around(text, start, end)) is not None
    )


def _sentence_around(text: str, start: int, end: int) -> str:
    """What of a sentence stands on either side of ``start:end``, as far as 200 characters."""
    return f"{_SENTENCE.split(text[max(0, start - 200) : start])[-1]} {_SENTENCE.split(text[end : end + 200])[0]}"


def _lone_bold(text: str) -> int | None:
    if text.count("**") % 2 == 0 and "***" not in text:
        return None
    shown = prose(text)
    if "***" in shown or is_code(text):
        return None
    marks = [mark.start() for mark in _BOLD.finditer(_POWER.sub(lambda power: " " * len(power.group()), shown))]
    return marks[-1] if len(marks) % 2 else None


_GRAM = 8
_STRIDE = 37
_PERIOD, _LONGEST_PERIOD = 50, 300
_ITEM = re.compile(r"[\d\W]+")
_SENTENCE = re.compile(r"[。！？!?\n]|\.(?=\s|$)")
_LAUGH = frozenset("哈呵嘻嘿啊呀哇呜嗯唉喵汪ahowezmlHAOWEZ~～")


@rule("RT108", "repetition")
def repetition(row: Row, *, repeats: int = 4) -> Iterator[Spot]:
    """The same words follow one another again and again: a decoder that got into a loop.

    Found are words of any length that stand ``repeats`` times in a row and fill at least 30 characters (24 in Chinese),
    and a sentence that comes five times and more and makes up half of the answer. Left alone: code, tables, rulers,
    numbers, laughter, and questions that ask for repetition.

    Bad:
        Meng | Meng is youth. Meng is youth. Meng is youth. Meng is youth. Meng is youth.
        蒙卦 | 蒙卦象征启蒙，山下出泉，山下出泉，山下出泉，山下出泉，山下出泉，山下出泉，山下出泉。
    Good:
        Meng | Meng is youth. Youth asks. Youth learns. Youth grows.
        蒙卦 | 蒙卦象征启蒙，山下出泉，君子以果行育德。
    """
    text = row.answer
    if len(text) < 24 or not (span := _loop(text, max(2, repeats))):
        return
    if not re.search(r"repeat|\btimes\b|重复|遍|次", row.question, re.IGNORECASE) and not is_code(text):
        yield Spot(f"says the same again and again: {text[span[0] : span[0] + 20].strip()}", Column.ANSWER, *span)


def _loop(text: str, repeats: int) -> tuple[int, int] | None:
    """Where words repeat without end. Looks at a few letters in every stretch for where they come next."""
    heard = False
    least = 30 if text.isascii() else 24
    for at, again in _heard_again(text, least):
        period = again - at
        one_word = text.count(" ", at, again) < 2 and text[at:again].isascii()  # lists may hold one word some times
        extent = max(period * (2 * repeats if one_word else repeats), -(-least // period) * period)
        start = at
        while start > max(0, at - _STRIDE) and text[start - 1] == text[start - 1 + period]:
            start -= 1
        end = start + extent
        if len(text) >= end and text[start : end - period] == text[start + period : end]:
            unit = set(text[at:again])
            if any(map(str.isalpha, unit)) and not unit <= _LAUGH and "|" not in unit:
                return start, end
        elif not heard and text.count(text[at : at + _GRAM]) >= 5 and (close := _SENTENCE.search(text, at, at + 400)):
            heard = text.count(text[at : close.start()]) >= 5
            if heard and (span := _refrain_without_song(text)):
                return span
    return None


def _heard_again(text: str, least: int) -> list[tuple[int, int]]:
    """Where some letters stand that soon come again, and where they do."""
    find, size = text.find, len(text)
    places = (*range(0, size - _GRAM, _STRIDE), max(0, size - least - 1))  # most loops run to the end
    return [
        (at, again)
        for at in places  # a loop of long words is long
        if (again := find(text[at : at + _GRAM], at + 1, at + (_PERIOD if at % 4 else _LONGEST_PERIOD))) >= 0
    ]


def _refrain_without_song(text: str) -> tuple[int, int] | None:
    """The first of five and more like sentences that make up at least half of all; numbers at their head aside."""
    shown = prose(text)
    if "|" in shown:
        return None
    sentences = [_ITEM.sub(" ", sentence).strip() for sentence in _SENTENCE.split(shown)]
    counted = Counter(sentence for sentence in sentences if sentence)
    sentence, times = counted.most_common(1)[0] if counted else ("", 0)
    if times < 5 or times * 2 < counted.total() or len(sentence) < (5 if not sentence.isascii() else 12):
        return None
    start = max(0, shown.find(sentence.split(" ")[0]))
    return start, min(len(text), start + len(sentence))


_NOTHING = frozenset({"nan", "NaN", "<NA>", "#N/A", "<noinput>"})
_NO_CHINESE = frozenset({"null", "NULL", "None", "none", "N/A", "n/a"})
"""What says nothing in answer to a Chinese question; to an English one, or one about code, it may."""
_CHINESE = re.compile("[一-鿿]")


@rule("RT114", "empty")
def empty(row: Row) -> Iterator[Spot]:
    """The question or the answer is empty: no text, white space, punctuation, or a table's word for an empty cell.

    Bad:
        Meng | ...
        Meng | nan
        蒙卦 | null
        蒙卦 | 。。。
    Good:
        Which sign is greater-than? | >
        这个函数没有 return 时得到什么？ | None
        蒙卦吉不吉？ | 吉
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if text[:1].isalnum() and len(text) > 8:
            continue
        unsaid = column and text.strip() in _NO_CHINESE and _CHINESE.search(row.question)
        if (
            text.strip() in _NOTHING
            or not any(unicodedata.category(sign)[0] not in "PZC" for sign in text)
            or (unsaid and not is_about_code(row.question))
        ):
            yield Spot("is empty", column, 0, len(text))


_JUNK = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2060\ufeff]|[\ud800-\udfff]"
    # Zero-width spaces break lines in Thai, Lao, Burmese and Khmer; joiners shape emoji and Persian or Indic letters.
    "|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b|(?<=[\x00-\xff\u3000-\u9fff\uff00-\uffef])[\u200c\u200d]|^[\u200c\u200d]"
)
_BEFORE_C1 = re.compile(_JUNK.pattern.replace("\x9f", "\x7f", 1))
_MOJIBAKE = re.compile(
    "\ufffd|锟斤拷|烫烫烫|屯屯屯|[ÃÂ][\u0080-\u00bf‚ƒ„…†‡ˆ‰‹Œ‘’“”•–—™›œŸ](?<!Â[\u00a0])|â€[\u0080-\u00bf™œž¦“”˜\u02dc\u201a-\u201e\u2122]"
    "|ï»¿|ï¿½|(?:[ã-ï][\u0080-\u00bf€Ž‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]{2}){2}|(?:[°-÷][¡-þ]){4}|[锛銆][^\n]{0,20}[锛銆]|鐨勬|鐨勭|鏄粈"
)
_ASCII = bytes(range(128))
_WESTERN = re.compile(rb"[\xc2\xc3\xe2-\xef]|[\xa1-\xfe]{8}")
_EASTERN = re.compile("[\ufffd锟烫屯锛銆鐨鏄]")
_START = re.compile("[\ufffd锟烫屯锛銆鐨鏄°-÷]")


def _without_junk(text: str) -> str:
    """``text`` without control characters, byte order marks and stray zero-width characters.

    Vertical tabs, form feeds and U+0085 become line ends, other controls from U+0080 the signs that they are in Windows
    code page 1252, unless the whole text was wrongly decoded: then they are pieces of letters.
    """
    if text.isprintable():
        return text
    return (_BEFORE_C1 if _wrongly_decoded(text) else _JUNK).sub(_mended, text)


def _mended(junk: re.Match[str]) -> str:
    sign = junk[0]
    if sign in "\x0b\x0c\x85":
        return "\n"
    if "\x80" <= sign <= "\x9f":
        return sign.encode("latin-1").decode("cp1252", "ignore") or sign
    return sign if "\ud800" <= sign <= "\udfff" else ""


@rule("RT119", "broken-characters", fix=_without_junk)
def broken_characters(row: Row) -> Iterator[Spot]:
    """Characters that a wrong decoding left (``Ã©``, ``â€™``, ``锟斤拷``), or that nobody sees (controls, zero-width).

    Bad:
        Meng | The cafÃ© of youth.
        Meng | Itâ€™s youth.
        蒙卦 | 蒙卦象征锟斤拷。
    Good:
        Meng | The café of youth, it’s 20 °C; São Paulo, Âge.
        蒙卦 | 乔治·华盛顿与蒙卦👨‍👩‍👧。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if not text.isprintable() and not text.replace("\n", "").isprintable() and (match := _JUNK.search(text)):
            yield Spot(f"holds the character U+{ord(match.group()):04X}", column, *match.span())
        if not text.isascii() and (match := _wrongly_decoded(text)):
            yield Spot(f"holds wrongly decoded characters: {match.group()}", column, *match.span())


def _wrongly_decoded(text: str) -> re.Match[str] | None:
    western = text.encode("latin-1", "ignore").translate(None, _ASCII)
    if not _WESTERN.search(western) and not _EASTERN.search(text):
        return None
    found = (_MOJIBAKE.match(text, start.start()) for start in _START.finditer(text))
    return next(filter(None, found), None)

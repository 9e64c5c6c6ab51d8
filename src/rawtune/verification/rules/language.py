"""RT3xx: the language of an answer, told by its script."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rawtune.verification.prose import is_code, prose
from rawtune.verification.rule import Column, Row, Spot, rule

_SCRIPTS = {
    "Han": ("一-鿿㐀-䶿", 1),
    "Latin": ("A-Za-zÀ-ɏ", 4),
    "Kana": ("\u3041-ヿ", 1),
    "Hangul": ("가-힣", 1),
    "Cyrillic": ("Ѐ-ӿ", 4),
    "Arabic": ("\u0620-\u06ff", 4),
    "Thai": ("\u0e01-\u0e5b", 4),
    "Devanagari": ("\u0900-\u097f", 4),
    "Greek": ("\u0386-\u03ff", 4),
}
"""Each script's characters, and how many of them weigh as much as one Chinese character."""

_LETTERS = {name: re.compile(f"[{letters}]") for name, (letters, _) in _SCRIPTS.items()}
_ASKED = {"zh": "Han", "en": "Latin"}


_NOT_LATIN = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
_OTHER_SCRIPTS = re.compile("[\u0370-\u1fff\u3041-\u30fa\u30fc-ヿ\u3131-\u318e가-힣]")


class _Weights(NamedTuple):
    """How much of a text is in which script, in Chinese characters or what weighs as much; roughly, but fast."""

    wide: int
    """Characters beyond Latin-1: Chinese ones, their punctuation, other scripts."""
    latin: float
    other: bool
    """Whether there is any letter neither Chinese nor Latin."""

    @property
    def total(self) -> float:
        return self.latin + (self.wide / 2 if self.other else self.wide)


@lru_cache(maxsize=4)
def _weigh(text: str) -> _Weights:
    # Encoding drops all that is beyond Latin-1, many times as fast as a pattern.
    narrow = text.encode("latin-1", "ignore")
    wide = len(text) - len(narrow)
    latin = len(narrow.translate(None, _NOT_LATIN)) / _SCRIPTS["Latin"][1]
    return _Weights(wide, latin, wide > 1 and _OTHER_SCRIPTS.search(text) is not None)


def expected(language: str, passage: str) -> str:
    """The language that a passage's answer must be in: the project's, if the passage is in it; else any, as it says."""
    weight = _weigh(passage)
    own = "" if weight.other else "zh" if weight.wide > weight.latin else "en"
    return language if own == language else ""


def _script(text: str, share: float) -> str:
    """The script that makes up ``share`` of a text and more; Chinese characters among kana are Japanese."""
    weight = {name: len(_LETTERS[name].findall(text)) / unit for name, (_, unit) in _SCRIPTS.items()}
    if weight["Kana"] > 0.35 * (weight["Kana"] + weight["Han"]):
        weight["Kana"] += weight.pop("Han")
    best = max(weight, key=lambda name: weight[name])
    return best if weight[best] >= share * sum(weight.values()) > 0 else ""


_OTHER_LANGUAGE = re.compile(
    r"translat|bilingual|(?<![A-Za-z])(?:english|chinese|mandarin|cantonese|pinyin|french|german|spanish|japanese|korean|russian|arabic"
    r"|italian|portuguese|hindi|thai|latin|greek|language|vocabulary|grammar)(?![A-Za-z])"
    r"|[英中日法德俄韩汉外]文|[英日法德俄韩汉外母]语|西班牙|阿拉伯|葡萄牙|意大利|拉丁|希腊|双语|语言|翻译|译[成为文作]|直译|意译|拼音"
    r"|单词|词汇|语法|造句|歌词|口语|雅思|托福|四级|六级|原文|对联",
    re.IGNORECASE,
)
_GRAMMAR = """
    the of and is are was were be to in an that this it its for with as on by from or at which can has have not but
    they their these if when will you your we our should must may also into than he she his her who what how there one
"""
_SMALL = frozenset(_GRAMMAR.split())
_SMALL_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_SMALL))}|a)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"\s*(?:please |(?:can|could|would) you )?(?:explain|describe|define|interpret|introduce|summari[sz]e|discuss"
    r"|(?:tell|give|teach) me|what|who|how|why|when|where|which|is|are|does|do|can) \w",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"“[^”\n]{0,400}”|\"[^\"\n]{0,400}\"|「[^」\n]{0,200}」|『[^』\n]{0,200}』|《[^》\n]{0,200}》|【[^】\n]{0,200}】"
    r"|‘[^’\n]{0,200}’|（[^（）\n]{0,300}）|\([^()\n]{0,300}\)|\[[^\]\n]{0,200}\]|^[ \t]*>[^\n]*",
    re.MULTILINE,
)


@rule("RT301", "other-script")
def other_script(row: Row, *, share: float = 0.8) -> Iterator[Spot]:
    """The answer is in another script than the question, or than the language that was asked for.

    A teacher that falls into its own tongue teaches the model to do so. ``share`` is how much of an answer must be in
    the other script. Left alone: questions that name a language or ask for a translation, or are in two scripts
    themselves, and answers that are code, formulas, names or a few words.

    Bad:
        What does Meng mean? | 蒙卦象征启蒙，山下出泉，君子以果行育德。
        请解释一下蒙卦。 | Meng is a spring at the foot of a mountain, and it is the image of youth.
    Good:
        What does Meng mean? | It is the image of youth (蒙).
        把“启蒙”翻译成英文。 | It means to teach the young, and to free them from folly.
        这家公司叫什么？ | International Business Machines
    """
    question, answer = _weigh(row.question), _weigh(row.answer)
    asked = _ASKED.get(row.language, "")
    if asked:
        fitting = answer.wide if asked == "Han" else answer.latin
        if not answer.other and fitting >= (1 - share) * answer.total:
            return
    elif not (answer.other or question.other) and (
        (question.wide >= question.latin and answer.wide > answer.latin)
        or (question.latin > question.wide and answer.latin > answer.wide)
    ):
        return
    if answer.total < 6 or _OTHER_LANGUAGE.search(row.question) or is_code(row.answer):
        return
    shown = _ASIDE.sub(" ", prose(row.answer))
    told = _script(shown, share)
    asked = asked or _asked_by(row.question)
    if not asked or not told or told == asked or ("Kana" in (asked, told) and len(shown) < 20):
        return
    if told == "Latin" and not (len(_SMALL_WORD.findall(shown)) > 2 or len(re.findall(r"\b[a-zà-ÿ]+\b", shown)) > 9):
        return
    yield Spot(f"is in {told} script, where {asked} is asked for", Column.ANSWER, 0, len(row.answer))


def _asked_by(question: str) -> str:
    """The script of a question that is clearly in one; that of a name or of a line of code says nothing."""
    shown = _ASIDE.sub(" ", prose(question))
    script = _script(shown, 0.75) or _script(shown, 0.6)
    if script == "Latin" and (not _is_english(shown) or is_code(question)):
        return ""
    if script == "Latin" and (len(_LETTERS["Han"].findall(shown)) > 3 or _LETTERS["Han"].match(question)):
        return ""
    if script == "Han" and (_REQUEST.match(shown) or len(re.findall(r"\b[a-z]{2,}\b", shown)) > 7):
        return ""
    return script


def _is_english(question: str) -> bool:
    return bool(_REQUEST.match(question)) or (len(question.split()) > 2 and _SMALL_WORD.search(question) is not None)


_ENGLISH = re.compile(r"[A-Za-z][A-Za-z'’-]*+(?:(?:[ ]|[,;:] )[A-Za-z0-9][\w'’-]*+)+")
_CHINESE = re.compile(r"[一-鿿](?:[一-鿿，、。；！？：]|[0-9a-zA-Z]{1,3}(?=[一-鿿]))+")
_INLINE = re.compile(r"(?<=[一-鿿])[ ]?([a-z][a-z'’-]*(?: [a-z][a-z'’-]*)*)[ ]?(?=[一-鿿])")
_LINKS = """
    is are was were means mean represents represent symbolises symbolizes signify signifies indicates indicate shows
    show refers has have consists teaches describes suggests suggest of the and which that with by from because should
    must can will as to in for
"""
_VERB = re.compile(rf"^(?:{'|'.join(_LINKS.split())})\b")
_SMALL_LETTERS = re.compile(rb"[a-z]+")
_SMALL_BYTES = frozenset((_GRAMMAR + _LINKS).encode().split())
# Sentences by themselves, however short, behind those of the other language.
_SHORT_ENGLISH = re.compile(r"(?<=[㐀-鿿）”》][。！？]) ?([A-Z][A-Za-z'’-]*(?:[,;:]? [A-Za-z'’-]+)+[.!?])")
_SHORT_CHINESE = re.compile(
    r"(?:^|(?<=[a-z][a-z][.!?]\s)|(?<=[)\"”䷀-䷿][.!?]\s)|(?<=[。！？]))([^A-Za-z0-9。！？.!?\n:]+[。！？])"
)
_KEYWORD = re.compile(
    r"代码|关键字|语句|循环|函数|变量|编程|运算符|操作符|SQL|Python|命令|介词|连词|冠词|动词|名词|单词|英文|英语|字段|参数|编译",
    re.IGNORECASE,
)
_INLINE_HAN = re.compile(r"(?<=[A-Za-z,])[ ]?([一-鿿]{1,12})[ ]?(?=[A-Za-z])")
_GRAMMAR_HAN = re.compile(r"[的是了在和与而就也被把着]|代表|象征|表示|因为|所以|意味|应当")


@rule("RT302", "script-drift")
def script_drift(row: Row, *, longest_aside: int = 8) -> Iterator[Spot]:
    """An answer slips from one language into another: whole sentences, or the small words between.

    Found are ``longest_aside`` words in a row and more (two Chinese characters count as a word), a sentence by itself
    of more than half as many words or Chinese characters, and an answer whose grammar is mixed ("蒙卦 represents the
    启蒙 of 童蒙"). Left alone: names, terms, titles, code, what stands in quotes or parentheses or behind a colon, and
    questions that name a language.

    Bad:
        蒙卦是什么？ | 蒙卦象征启蒙。It is a spring at the foot of a mountain and the image of youth.
        蒙卦是什么？ | 蒙卦 represents the 启蒙 of 童蒙。
        What is Meng? | Meng is youth. 山下出泉，象征着启蒙，君子应当以果断的行动培育品德。
    Good:
        蒙卦是什么？ | 蒙卦（the image of a spring at the foot of a mountain）象征启蒙。
        用什么工具？ | 可以用 Visual Studio Code 配合 GitHub Actions 和 Internet of Things 平台。
        What is Meng? | Meng (蒙) means 童蒙, the young fool.
    """
    weight = _weigh(row.answer)
    if not _may_drift(row, weight) or _OTHER_LANGUAGE.search(row.question):
        return
    if is_code(row.answer) or _OTHER_LANGUAGE.search(row.answer[:400]):
        return
    shown = _ASIDE.sub(lambda aside: " " * len(aside.group()), prose(row.answer))
    span = None
    if weight.wide and weight.latin > 1:
        asked = _ASKED.get(row.language) or _asked_by(row.question)
        in_chinese = asked == "Han" if asked in ("Han", "Latin") else weight.wide >= weight.latin
        find = _drift_to_english if in_chinese else _drift_to_chinese
        span = find(shown, row.question, longest_aside)
    if span is None and weight.other:
        span = _drift_elsewhere(shown, row.question, longest_aside)
    if span:
        yield Spot(f"drifts into another language: {shown[span[0] : min(span[1], span[0] + 30)]}", Column.ANSWER, *span)


def _may_drift(row: Row, weight: _Weights) -> bool:
    """Whether there is enough of two scripts to look closer."""
    if weight.other:
        return True
    if weight.latin <= 1 or weight.wide < 2:
        return False
    question = _weigh(row.question)
    if weight.wide > weight.latin and question.wide >= question.latin:
        words = _SMALL_LETTERS.findall(row.answer.encode("latin-1", "ignore"))
        return len(words) > 3 or not _SMALL_BYTES.isdisjoint(words)
    return _LETTERS["Han"].search(row.answer) is not None


def _drift_to_english(text: str, question: str, longest: int) -> tuple[int, int] | None:
    for run in _ENGLISH.finditer(text):
        words = run.group().split()
        small = sum(1 for word in words if word in _SMALL or word == "a")
        is_sentence = len(words) >= longest and small > 1 and sum(map(str.islower, words)) * 2 > len(words)
        if is_sentence and not _is_cited(text, run.start()):
            return run.span()
    for short in _SHORT_ENGLISH.finditer(text) if _weigh(question).latin <= 1 else ():
        words = short.group(1).split()
        if len(words) > longest // 2 and sum(map(str.islower, words)) * 2 > len(words):
            return short.span(1)
    if _KEYWORD.search(text):
        return None
    mixed = [run for run in _INLINE.finditer(text) if _VERB.match(run.group(1))]
    several = [run for run in mixed if len(run.group(1).split()) > 1]
    if len(mixed) > 1 or (several and any(_SMALL_WORD.search(run.group(1)) for run in several)):
        return mixed[0].span(1)
    return None


def _is_cited(text: str, start: int) -> bool:
    return text[max(0, start - 9) : start].rstrip().endswith((":", "：", "-", "—", "–"))


def _drift_to_chinese(text: str, question: str, longest: int) -> tuple[int, int] | None:
    for run in _CHINESE.finditer(text):
        if len(_LETTERS["Han"].findall(run.group())) >= 2 * longest - 4 and not text[: run.start()].rstrip().endswith(
            (":", "：")
        ):
            return run.span()
    for short in _SHORT_CHINESE.finditer(text) if not _LETTERS["Han"].search(question) else ():
        if len(_LETTERS["Han"].findall(short.group(1))) > longest // 2:
            return short.span(1)
    mixed = [run for run in _INLINE_HAN.finditer(text) if _GRAMMAR_HAN.search(run.group(1))]
    return mixed[0].span(1) if len(mixed) > 1 else None


_ELSEWHERE = {
    name: re.compile(rf"[{_SCRIPTS[name][0]}](?:[{_SCRIPTS[name][0]}{'一-鿿' if name == 'Kana' else ''} ,.、。]*)")
    for name in ("Kana", "Hangul", "Cyrillic", "Arabic", "Thai", "Devanagari")
}


def _drift_elsewhere(text: str, question: str, longest: int) -> tuple[int, int] | None:
    """A run in a script that is neither Chinese nor Latin and that the question has nothing of."""
    main = _script(text, 0.5)
    for name, pattern in _ELSEWHERE.items():
        if name == main or _LETTERS[name].search(question):
            continue
        for run in pattern.finditer(text):
            if len(_LETTERS[name].findall(run.group())) / _SCRIPTS[name][1] >= longest:
                return run.span()
    return None

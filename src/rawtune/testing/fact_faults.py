"""Faults of fact: an answer that is right in form and says what its passage does not say."""

import re
from collections.abc import Iterator
from dataclasses import replace

from rawtune.testing.fault import Field, Sample, fault, join, sentences

_NUMERALS = "一二三四五六七八九十百"
_NUMBER = {
    "zh": re.compile(rf"(?<=第)[{_NUMERALS}]+|[{_NUMERALS}]+(?=[年月日天次倍岁])|(?<![\d.])\d+(?![\d.])"),
    "en": re.compile(
        r"(?<![\d.,])\d+(?![\d.,]\d)|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred"
        r"|second|third|fourth|fifth|sixth)\b"
    ),
}
_ORDINALS = ("second", "third", "fourth", "fifth", "sixth", "seventh")
_CARDINALS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty", "hundred")
_CHINESE = ("二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十七", "三十八", "五十二", "六十五")
_QUOTED_TITLE = re.compile(r"《([^《》]{2,12})》")
_TITLES = ("论语", "史记", "本草纲目", "诗经", "水浒传")
_MID_NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]+ of )?[A-Z][a-z]{2,}\b")
_NAMES = ("Confucius", "Lisbon", "Alexander", "Florence", "Napoleon")
_INVENTED = {
    "zh": (
        "据说这一说法最早出自苏州一位绸缎商人的家书。",
        "后来有航海家把它刻在罗盘背面，带到了南洋各个港口。",
        "现代医学研究也证实，它能明显改善睡眠质量。",
        "唐代的宫廷画师曾为此绘制过一幅长卷，现藏于博物馆。",
        "养蜂人常用它来判断蜂群何时分家。",
        "许多软件公司把它写进了员工手册的附录。",
    ),
    "en": (
        "The idea was first written down by a silk merchant in a letter to his daughter.",
        "Sailors later carved it on the backs of their compasses and carried it to every southern port.",
        "Medical studies have since confirmed that it improves the quality of sleep.",
        "A court painter devoted a long scroll to it, which hangs in a museum today.",
        "Beekeepers still use it to tell when a swarm will leave the hive.",
        "Several software companies have printed it in the appendix of their employee handbook.",
    ),
}
_PAIRS = {
    "zh": (
        *(
            ("上卦", "下卦"),
            ("自下而上", "自上而下"),
            ("之前", "之后"),
            ("以前", "以后"),
            ("内卦", "外卦"),
            ("早于", "晚于"),
        ),
        *(("高于", "低于"), ("大于", "小于"), ("多于", "少于"), ("上面", "下面"), ("前面", "后面")),
    ),
    "en": (
        *(("upper", "lower"), ("before", "after"), ("above", "below"), ("inside", "outside"), ("earlier", "later")),
        *(("more than", "less than"), ("at the top", "at the bottom")),
    ),
}
_HALVES = ("upper", "上卦", "内卦", "上面")
_FROM_TO = {
    "zh": re.compile(r"从([^，。；、到]{1,8})到([^，。；、]{1,8}?)(?=[，。；、]|$)"),
    "en": re.compile(r"\b[Ff]rom (?:the )?([a-z]+) to (?:the )?([a-z]+)\b"),
}
_BOTH = (
    re.compile(r"上卦(?:为|是)([^，；。]+).{0,20}?下卦(?:为|是)([^，；。]+)"),
    re.compile(r"upper trigram.{0,40}? is ([^,;.]+).{0,60}?lower trigram.{0,40}? is ([^,;.]+)"),
)


@fault("number-changed", "RT201")
def number_changed(row: Sample, field: Field) -> Sample | None:
    """A number of the answer is another, which the passage does not hold."""
    found = _grounded(row, _NUMBER[row.language])
    if not found or row.passage is None:
        return None
    at = field.chance.choice(found)
    old = at.group()
    if old.isdigit():
        others = tuple(str(int(old) + step) for step in (1, 2, 3, 7, 10, 40))
    else:
        others = _CHINESE if row.language == "zh" else _ORDINALS if old in _ORDINALS else _CARDINALS
    free = [other for other in others if other != old and other not in row.passage.casefold()]
    return _put(row, at.span(), field.chance.choice(free)) if free else None


@fault("numbers-swapped", "RT201", "RT205")
def numbers_swapped(row: Sample, field: Field) -> Sample | None:
    """Two numbers of the answer, alike in form, have changed places; the passage holds both."""
    found = _grounded(row, _NUMBER[row.language])
    pairs = [(a, b) for a in found for b in found if a.start() < b.start() and _alike(a.group(), b.group())]
    if not pairs:
        return None
    first, second = field.chance.choice(pairs)
    return _put(_put(row, second.span(), first.group()), first.span(), second.group())


@fault("name-changed", "RT202", "RT203", "RT204", "RT205")
def name_changed(row: Sample, field: Field) -> Sample | None:
    """The answer speaks of another person, place, book or concept than its passage."""
    passage = row.passage or ""
    places: list[tuple[tuple[int, int], list[str]]] = []
    names = [name for name in field.names[row.language] if name != row.name]
    if row.name and row.name in passage:
        places += [(at.span(), names) for at in re.finditer(re.escape(row.name), row.answer)]
    if row.language == "zh":
        places += [(at.span(1), list(_TITLES)) for at in _QUOTED_TITLE.finditer(row.answer)]
    else:
        places += [(at.span(), list(_NAMES)) for at in _MID_NAME.finditer(row.answer)]
    places = [(span, free) for span, others in places if (free := [name for name in others if name not in passage])]
    if not places or not passage:
        return None
    span, free = field.chance.choice(places)
    return _put(row, span, field.chance.choice(free))


@fault("relation-swapped", "RT205")
def relation_swapped(row: Sample, field: Field) -> Sample | None:
    """Upper for lower, before for after, or the two ends of a way exchanged, in a sentence of the passage."""
    changes = list(_swaps(row))
    return replace(row, answer=field.chance.choice(changes)) if changes else None


def _swaps(row: Sample) -> Iterator[str]:
    """The answer with one sentence, which stands in the passage, turned round in each way that changes what it says."""
    passage = row.passage or ""
    alike = any(at.group(1) == at.group(2) for both in _BOTH for at in both.finditer(passage))
    parts = sentences(row.answer)
    for number, part in enumerate(parts):
        if part.strip() not in passage:
            continue
        for turned in _turned(part, row.language, alike):
            if turned.strip() not in passage:
                yield "".join([*parts[:number], turned, *parts[number + 1 :]])


def _turned(sentence: str, language: str, alike: bool) -> Iterator[str]:
    """``alike`` says that upper and lower are the same in this passage, so that to swap them changes nothing."""
    for one, other in _PAIRS[language]:
        edge = r"\b" if language == "en" else ""
        either = re.compile(f"{edge}(?:{one}|{other}){edge}")
        if either.search(sentence) and not ((alike and one in _HALVES) or _reads_both_ways(sentence)):
            pieces = re.split(f"({either.pattern})", sentence)
            yield "".join({one: other, other: one}.get(piece, piece) for piece in pieces)
    for way in _FROM_TO[language].finditer(sentence):
        (a, b), (c, d) = way.span(1), way.span(2)
        if way.group(1) != way.group(2):
            yield sentence[:a] + sentence[c:d] + sentence[b:c] + sentence[a:b] + sentence[d:]


@fault("invented-sentence", "RT203", "RT204", "RT201", "RT202")
def invented_sentence(row: Sample, field: Field) -> Sample | None:
    """Among the sentences of the answer stands one that the passage says nothing of."""
    if not row.passage:
        return None
    parts = sentences(row.answer)
    at = field.chance.randint(1, len(parts))
    invented = field.chance.choice(_INVENTED[row.language])
    return replace(row, answer=join(row.language, *parts[:at], invented, *parts[at:]))


def _reads_both_ways(sentence: str) -> bool:
    """Whether the list that a sentence ends on is the same from its end, so that its direction says nothing."""
    items = re.findall(r"\w+", re.split(r"为| are ", sentence)[-1])
    return len(items) > 2 and items == items[::-1]


def _alike(one: str, other: str) -> bool:
    """Whether two numbers are not the same, but of one form."""
    forms = [(text.isdigit(), text in _ORDINALS, text in _CARDINALS) for text in (one, other)]
    return one != other and forms[0] == forms[1]


def _grounded(row: Sample, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Where the answer holds what the passage holds, too."""
    return [at for at in pattern.finditer(row.answer) if row.passage and at.group() in row.passage]


def _put(row: Sample, span: tuple[int, int], text: str) -> Sample:
    return replace(row, answer=row.answer[: span[0]] + text + row.answer[span[1] :])


FAULTS = (number_changed, numbers_swapped, name_changed, relation_swapped, invented_sentence)

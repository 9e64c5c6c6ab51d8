"""The shipped corpora against a table of their own: the eight-by-eight square of trigrams."""

import re
import unicodedata
from collections import Counter
from importlib.resources import files
from typing import NamedTuple

import pytest

from rawtune.passages import sentences
from rawtune.passages.split import samples

# Unicode holds the trigrams from U+2630 on, from three unbroken lines to three broken ones, the bottom line first.
SYMBOLS = [chr(0x2630 + i) for i in range(8)]
LINES = {symbol: f"{7 - i:03b}" for i, symbol in enumerate(SYMBOLS)}
IMAGES = {symbol: unicodedata.name(symbol).removeprefix("TRIGRAM FOR ").lower() for symbol in SYMBOLS}
CHINESE = dict(zip(SYMBOLS, "乾兑离震巽坎艮坤", strict=True))
PINYIN = dict(zip(SYMBOLS, ("Qian", "Dui", "Li", "Zhen", "Xun", "Kan", "Gen", "Kun"), strict=True))
CHINESE_IMAGES = dict(zip(SYMBOLS, "天泽火雷风水山地", strict=True))

# The traditional square: a row for the lower trigram, a column for the upper one, in this order.
ORDER = "☰☳☵☶☷☴☲☱"
SQUARE = """
  1 34  5 26 11  9 14 43
 25 51  3 27 24 42 21 17
  6 40 29  4  7 59 64 47
 33 62 39 52 15 53 56 31
 12 16  8 23  2 20 35 45
 44 32 48 18 46 57 50 28
 13 55 63 22 36 37 30 49
 10 54 60 41 19 61 38 58
"""


class Hexagram(NamedTuple):
    upper: str
    lower: str

    @property
    def lines(self) -> str:
        """1 for an unbroken line, 0 for a broken one, from bottom to top."""
        return LINES[self.lower] + LINES[self.upper]


HEXAGRAMS = {
    int(number): Hexagram(upper, lower)
    for lower, row in zip(ORDER, SQUARE.split("\n")[1:], strict=False)
    for upper, number in zip(ORDER, row.split(), strict=True)
}


class Sample(NamedTuple):
    heading: str
    description: str
    judgement: str
    explanation: str


def corpus(language):
    text = (files("rawtune") / f"examples/zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return [Sample(*text[start:end].split("\n")) for start, end in samples(text)]


ZH, EN = corpus("zh"), corpus("en")
NUMBERS = pytest.mark.parametrize("number", range(1, 65))
BOTH = pytest.mark.parametrize("samples_", [ZH, EN], ids=["zh", "en"])


def numeral(number):
    """1 to 99 in Chinese."""
    tens, units = divmod(number, 10)
    digits = " 一二三四五六七八九"
    return f"{digits[tens] if tens > 1 else ''}{'十' if tens else ''}{digits[units] if units else ''}"


def test_the_table_is_the_sequence_of_king_wen():
    assert sorted(HEXAGRAMS) == list(range(1, 65))
    assert len(set(HEXAGRAMS.values())) == 64
    for odd in range(
        1, 65, 2
    ):  # each even hexagram is its predecessor upside down or, where that is the same, inverted
        lines = HEXAGRAMS[odd].lines
        inverted = lines.translate(str.maketrans("01", "10"))
        assert HEXAGRAMS[odd + 1].lines == (lines[::-1] if lines != lines[::-1] else inverted)


def test_both_corpora_hold_all_64_in_order():
    assert (len(ZH), len(EN)) == (64, 64)
    for number, (zh, en) in enumerate(zip(ZH, EN, strict=True), 1):
        symbol = chr(0x4DC0 + number - 1)
        assert unicodedata.name(symbol).startswith("HEXAGRAM FOR")
        assert symbol in zh.description
        assert symbol in en.description


@NUMBERS
def test_the_chinese_description_is_computed_from_the_figure(number):
    hexagram, sample = HEXAGRAMS[number], ZH[number - 1]
    name = sample.heading
    assert name.endswith("卦")
    upper, lower = hexagram
    lines = "、".join("阳" if line == "1" else "阴" for line in hexagram.lines)
    assert sample.description == (
        f"{name}是《易经》的第{numeral(number)}卦，卦象为{chr(0x4DC0 + number - 1)}。"
        f"{name}的上卦为{CHINESE[upper]}，象征{CHINESE_IMAGES[upper]}；"
        f"下卦为{CHINESE[lower]}，象征{CHINESE_IMAGES[lower]}。{name}的六爻自下而上为{lines}。"
    )


@NUMBERS
def test_the_english_description_is_computed_from_the_figure(number):
    hexagram, sample = HEXAGRAMS[number], EN[number - 1]
    name = re.fullmatch(r"(\w+) \([\w ]+\)", sample.heading)[1]
    upper, lower = (rf"{PINYIN[trigram]}, (?:the )?{IMAGES[trigram]}" for trigram in hexagram)
    lines = ", ".join("unbroken" if line == "1" else "broken" for line in hexagram.lines)
    assert re.fullmatch(
        rf"{name} is hexagram {number} of the Book of Changes, {chr(0x4DC0 + number - 1)}\. "
        rf"The upper trigram of {name} is {upper}, and the lower trigram is {lower}\. "
        rf"From bottom to top the lines of {name} are {lines}\.",
        sample.description,
    )


@BOTH
def test_headings_are_unique(samples_):
    assert len({sample.heading for sample in samples_}) == 64


@NUMBERS
def test_judgements_and_explanations_have_their_form(number):
    zh, en = ZH[number - 1], EN[number - 1]
    assert re.fullmatch(r"卦辞：[^\s]+。", zh.judgement)
    assert re.fullmatch(r"Judgement: [^\n]+\.", en.judgement)
    assert 150 <= len(re.sub(r"\s", "", zh.explanation)) <= 250
    assert 80 <= len(en.explanation.split()) <= 150
    assert zh.explanation.endswith("。")
    assert en.explanation.endswith(".")
    assert not re.search(r"[A-Za-z ]", "".join(zh))
    assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", "".join(en))


@BOTH
def test_no_two_hexagrams_share_a_sentence(samples_):
    told = Counter(s.explanation[a:b] for s in samples_ for a, b in sentences.spans(s.explanation))
    assert [sentence for sentence, times in told.items() if times > 1] == []
    # Nor one that differs by the name alone.
    bare = Counter(
        s.explanation[a:b].replace(s.heading.split(" (")[0], "X")
        for s in samples_
        for a, b in sentences.spans(s.explanation)
    )
    assert max(bare.values()) == 1


@BOTH
def test_every_explanation_names_its_hexagram(samples_):
    for sample in samples_:
        assert sample.explanation.count(sample.heading.split(" (")[0]) >= 3


# What the explanations say of the figure

WORDS = {
    **{CHINESE[s]: s for s in SYMBOLS},
    **{CHINESE_IMAGES[s]: s for s in SYMBOLS},
    "木": "☴",
    "泉": "☵",
    "湖": "☱",
}
ONE = f"([{''.join(WORDS)}])"


def statements(text):
    """What a Chinese explanation says to be the upper and the lower trigram."""
    upper = re.findall(rf"上(?={ONE}下)", text) + re.findall(rf"{ONE}[行高]*在上", text)
    lower = re.findall(rf"(?<=上[{''.join(WORDS)}])下{ONE}", text) + re.findall(rf"{ONE}[处沉]*在下", text)
    link = "(?:为|也是|还是|是)?"
    upper += re.findall(rf"上卦{link}{ONE}", text)
    lower += re.findall(rf"下卦{link}{ONE}", text)
    for both in re.findall(rf"上卦和?下卦都是{ONE}", text):
        upper.append(both)
        lower.append(both)
    return [WORDS[word] for word in upper], [WORDS[word] for word in lower]


def test_chinese_explanations_never_swap_the_trigrams():
    told = 0
    for number, sample in enumerate(ZH, 1):
        upper, lower = statements(sample.explanation)
        assert set(upper) <= {HEXAGRAMS[number].upper}, sample
        assert set(lower) <= {HEXAGRAMS[number].lower}, sample
        told += bool(upper or lower)
    assert told >= 55  # the patterns above find what is there


def test_the_chinese_lines_that_are_named_are_in_the_figure():
    told = 0
    for number, sample in enumerate(ZH, 1):
        lines = HEXAGRAMS[number].lines
        for place, kind in re.findall(r"([初上])([九六])", sample.explanation):
            assert lines[0 if place == "初" else 5] == ("1" if kind == "九" else "0"), sample
            told += 1
        for kind, place in re.findall(r"([九六])([二三四五])", sample.explanation):
            assert lines["初二三四五".index(place)] == ("1" if kind == "九" else "0"), sample
            told += 1
    assert told >= 128


ALIKE = {"lake water": "lake", "sky": "heaven"}
IMAGE = "|".join([*ALIKE, *IMAGES.values()])


def test_english_explanations_never_swap_the_trigrams():
    between = rf"(?:\W+(?!(?:{IMAGE}|above|below|beneath|upper|lower)\b)\w+){{0,4}}?"
    pattern = re.compile(rf"\b({IMAGE})\b(?=([^.,;]*))", re.IGNORECASE)
    told = set()
    for number, sample in enumerate(EN, 1):
        for match in pattern.finditer(sample.explanation):
            place = re.match(rf"{between}\W+(above|upper|below|beneath|lower)\b", match[2])
            if place:
                image = ALIKE.get(match[1].lower(), match[1].lower())
                trigram = HEXAGRAMS[number].upper if place[1] in ("above", "upper") else HEXAGRAMS[number].lower
                assert image == IMAGES[trigram], (sample.heading, match[1] + place[0])
                told.add(number)
    assert len(told) >= 55


def test_english_counts_of_lines_are_right():
    numbers = {"one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
    told = 0
    for number, sample in enumerate(EN, 1):
        for word, kind in re.findall(r"\b(\w+) ((?:un)?broken) lines?\b", sample.explanation):
            if word.lower() in numbers:
                assert HEXAGRAMS[number].lines.count("1" if kind == "unbroken" else "0") == numbers[word.lower()], (
                    sample
                )
                told += 1
    assert told >= 2


def test_chinese_counts_of_lines_are_right():
    digits = dict(zip("一两二三四五六", (1, 2, 2, 3, 4, 5, 6), strict=True))
    told = 0
    for number, sample in enumerate(ZH, 1):
        for word, kind in re.findall(r"([一两二三四五六])[根个]([阴阳])爻", sample.explanation):
            assert HEXAGRAMS[number].lines.count("1" if kind == "阳" else "0") == digits[word], sample
            told += 1
    assert told >= 4


def test_both_corpora_have_one_shape():
    for zh, en in zip(ZH, EN, strict=True):
        assert len(sentences.spans(zh.description)) == len(sentences.spans(en.description)) == 3
        for sample in (zh, en):
            assert 6 <= len(sentences.spans(sample.explanation)) <= 9

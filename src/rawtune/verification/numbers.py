"""Numbers of Chinese and English text, however written: 三百二十, 1.5万, 百分之五, 1,000, twenty-one, the fourth.

No library does both, says where a number stands and is fast: cn2an 0.5 takes 30-60 microseconds a numeral and refuses
百二十; text2num 3 knows no Chinese.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from math import isclose
from typing import NamedTuple


class Number(NamedTuple):
    """A number at ``start:end`` of a text, its unit included.

    ``value`` is as written, ``size`` in the smallest unit of its ``dimension``, which is empty if it has no unit that
    is known. ``ordinal`` is a place in an order (第四, fourth). ``telling`` is a number that a writer takes from a
    source and does not bring along: no small count, as in "two ways", and no numeral of an idiom.
    """

    value: float
    size: float
    dimension: str
    ordinal: bool
    telling: bool
    start: int
    end: int

    def equals(self, other: "Number") -> bool:
        """Whether both say the same; a number without a unit equals one with any."""
        if self.dimension and other.dimension:
            return self.dimension == other.dimension and isclose(self.size, other.size)
        return isclose(self.value, other.value)


_MEASURES: dict[str, dict[float, str]] = {
    "time": {
        1: "秒 秒钟 second seconds sec secs",
        60: "分钟 minute minutes min mins",
        3600: "小时 个小时 钟头 个钟头 hour hours hr hrs",
        86400: "天 日 day days",
        604800: "周 个星期 星期 个礼拜 week weeks",
    },
    "months": {1: "个月 month months", 3: "个季度 quarters", 12: "年 周年 year years"},
    "age": {1: "岁 周岁"},
    "month": {1: "月 月份"},
    "share": {1: "% ％ 个百分点 percent"},
    "yuan": {1: "元 块 块钱 yuan rmb"},
    "dollars": {1: "美元 dollar dollars usd"},
    "euros": {1: "欧元 euro euros eur"},
    "length": {
        0.001: "毫米 mm millimetre millimetres millimeter millimeters",
        0.01: "厘米 公分 cm centimetre centimetres centimeter centimeters",
        1: "米 m metre metres meter meters",
        1000: "公里 千米 km kilometre kilometres kilometer kilometers",
        1609.344: "英里 mile miles",
        0.3048: "英尺 foot feet ft",
        0.0254: "英寸 inch inches",
    },
    "mass": {
        0.001: "毫克 mg milligram milligrams",
        1: "克 g gram grams",
        500: "斤",
        1000: "公斤 千克 kg kilogram kilograms kilo kilos",
        10**6: "吨 tonne tonnes ton tons",
    },
    "volume": {1: "毫升 ml millilitre millilitres milliliter milliliters", 1000: "升 l litre litres liter liters"},
    "degrees": {1: "度 摄氏度 ℃ °c °"},
    "bytes": {1: "字节 byte bytes", 10**3: "kb", 10**6: "mb", 10**9: "gb", 10**12: "tb"},
    "watts": {1: "瓦 w watt watts", 1000: "千瓦 kw"},
}
_UNITS = {
    name: (dimension, size)
    for dimension, sizes in _MEASURES.items()
    for size, names in sizes.items()
    for name in names.split()
}
_BEFORE = {"¥": "yuan", "￥": "yuan", "$": "dollars", "€": "euros"}
_CALENDAR = "january february march april may june july august september october november december"
_MONTHS = {name: number for number, full in enumerate(_CALENDAR.split(), 1) for name in (full[:3], full)}
_ALSO_WORDS = frozenset(("may", "march", "mar", "sep", "dec"))  # months only beside a day or a year

_DIGITS = dict(zip("零〇一二三四五六七八九两壹贰叁肆伍陆柒捌玖", (0, *range(10), 2, *range(1, 10)), strict=True))
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8, "拾": 10, "佰": 100, "仟": 1000, "萬": 10**4}
_COUNTING = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million"
)
_CARDINALS = dict(zip(_COUNTING.split(), (*range(21), *range(30, 100, 10), 100, 1000, 10**6), strict=True))
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS = {
    _IRREGULAR.get(word) or (word[:-1] + "ieth" if word[-1] == "y" else word.replace("ve", "f") + "th"): number
    for word, number in _CARDINALS.items()
}
_ORDINALS["seventh"], _ORDINALS["eleventh"], _ORDINALS["seventeenth"] = 7, 11, 17

_HAN = "".join([*_DIGITS, *_SCALES])
# Each begins with a set of characters, which re finds fastest, and looks back from there.
_NUMBER = re.compile(
    r"(?P<arabic>\d(?<![a-z\d_].)(?<![a-z]-.)(?:\d{0,2}(?:,\d{3})+(?!\d)|\d*)(?:\.\d+)?)(?: ?(?P<scale>[百千万亿]+))?"
    rf"|(?P<han>[{_HAN}]+(?:点[零一二三四五六七八九]+)?)"
)
_NAMES = _CARDINALS | _ORDINALS | _MONTHS
_WORD = re.compile(
    rf"[{''.join({name[0] for name in _NAMES})}](?<![a-z].)"
    rf"(?:{'|'.join(sorted({name[1:] for name in _NAMES}, key=len, reverse=True))})(?![a-z])"
)
_UNIT = re.compile(
    r"[ -]?(?:"
    + "|".join(name + "(?![a-z])" * name[-1].isascii() for name in sorted(_UNITS, key=len, reverse=True))
    + ")"
)
_UNIT_BEGINS = frozenset(" -") | {name[0] for name in _UNITS}
_SUFFIX = re.compile(r"(?:st|nd|rd|th)(?![a-z])")
_MULTIPLE = re.compile(r" (hundred|thousand|million)(?![a-z])")
_DATE = re.compile(r"\d{4}([-/.])(\d{1,2})\1(\d{1,2})(?!\d)")
_CLOCK = re.compile(r"\d{1,2}[:：][0-5]\d(?!\d)")
_DAY = re.compile(r"\.?,? (?:of )?\d")
_ITEM = re.compile(r"(?:^|[\n。；;.!！?？:：])\s*[（(]?$")
_VAGUE_BEFORE = frozenset("几数上成")
_VAGUE_AFTER = frozenset("几多余来")
_ITEM_ENDS = frozenset(".、．)）")
_DIGIT = re.compile(r"\d")
_SMALL = 10
_LONGEST = 40  # characters of a Chinese numeral


def find(text: str) -> list[Number]:
    """The numbers of a text. Left out: those of a list's items, vague ones (几十, 三五), those within names (A4)."""
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals have small forms of two letters
        lower = text
    figures = list(_figures(lower))
    dates = list(_dates(lower)) if any(lower[number.start] not in _HAN for number in figures) else []
    if dates:
        dated = {at for date in dates for at in range(date.start, date.end)}
        figures = [number for number in figures if number.start not in dated]
    return dates + figures + list(_words(lower))


def _dates(text: str) -> Iterator[Number]:
    for match in _DATE.finditer(text):
        year, month, day = float(match.group()[:4]), float(match[2]), float(match[3])
        yield Number(year, year, "year", False, True, *match.span())
        yield Number(month, month, "month", False, True, *match.span())
        yield Number(day, day * 86400, "time", False, True, *match.span())
    for match in _CLOCK.finditer(text):
        hour, _, minute = match.group().replace("：", ":").partition(":")
        clock = int(hour) % 12 + int(minute) / 60
        yield Number(clock, clock, "clock", False, True, *match.span())


def _figures(text: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        before, after = text[start - 1 : start], text[end : end + 1]
        if before in _VAGUE_BEFORE or after in _VAGUE_AFTER or (after in _ITEM_ENDS and _is_item(text, start, end)):
            continue
        if figure := match["arabic"]:
            value: float | None = float(figure.replace(",", ""))
            for scale in match["scale"] or "":
                value = (value or 0) * _SCALES[scale]
            if after == " " and (multiple := _MULTIPLE.match(text, end)):
                value, end = (value or 0) * _CARDINALS[multiple[1]], multiple.end()
        else:
            value = _chinese(match["han"])
        if value is None:
            continue
        ordinal = before == "第"
        if figure and (suffix := _SUFFIX.match(text, end)):
            ordinal, end = True, suffix.end()
        number = _measured(text, value, ordinal, bool(figure), start, end)
        if not (figure and "a" <= text[number.end : number.end + 1] <= "z"):  # as in 3D
            yield number


def _is_item(text: str, start: int, end: int) -> bool:
    """Whether the number is that of a list's item: at the beginning of a sentence, a point or bracket behind it."""
    return not text[end + 1 : end + 2].isdigit() and bool(_ITEM.search(text[max(0, start - 4) : start]))


@lru_cache(1024)
def _chinese(numeral: str) -> float | None:
    """三百二十 is 320, 二〇二四 2024, 三万五 35000; None for what is no exact number: 百, 万一, 三五, 一五一十."""
    numeral, _, fraction = numeral.partition("点")
    if len(numeral) > _LONGEST or (numeral[0] in _SCALES and numeral[0] not in "十拾"):
        return None
    if not any(map(_SCALES.__contains__, numeral)):
        digits = [_DIGITS[character] for character in numeral]
        if len(digits) > 1 and ("两" in numeral or (len(digits) == 2 and digits[1] - digits[0] in (0, 1, 2))):
            return None
        whole = float("".join(map(str, digits)))
        return float(f"{whole:.0f}.{''.join(str(_DIGITS[d]) for d in fraction)}") if fraction else whole
    total = section = 0
    digit: int | None = None
    last = 1
    for character in numeral:
        if character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
            last = 1 if digit == 0 else last
        elif (last := _SCALES[character]) < 10**4:
            section += (1 if digit is None else digit) * last
            digit = None
        else:
            total += (section + (digit or 0)) * last
            section, digit = 0, None
    if digit and last >= 100:  # 三万五 leaves the last scale out
        digit *= last // 10
    return float(total + section + (digit or 0))


def _words(text: str) -> Iterator[Number]:
    """Months, and numbers in English words; those that follow one another become one where that is how one counts."""
    start = end = -1
    total = current = 0.0  # "hundred hundred ..." may go beyond every number
    last, ordinal = 0, False
    for match in _WORD.finditer(text):
        word = match.group()
        if word not in _NAMES:  # the first letter of one with the rest of another
            continue
        if month := _MONTHS.get(word):
            if (
                word not in _ALSO_WORDS
                or _DAY.match(text, match.end())
                or _DIGIT.search(text[max(0, match.start() - 6) : match.start()])
            ):
                yield Number(month, month, "month", False, True, *match.span())
            continue
        value = _CARDINALS.get(word) or _ORDINALS.get(word, 0)
        gap = text[end : match.start()] if end >= 0 else "."
        joins = not ordinal and (gap in (" ", "-") or (gap == " and " and last >= 100))
        if joins and value >= 100:
            current *= value
            if value >= 1000:
                total, current = total + current, 0.0
        elif joins and (value < last >= 100 or (value < _SMALL and 20 <= last < 100)):
            current += value
        else:
            if end >= 0:
                yield _measured(text, total + current, ordinal, False, start, end)
            start, total, current = match.start(), 0.0, float(value)
            if value >= 100:  # hundreds of what was written in figures, or "a hundred"
                start = end = -1
                continue
        end, last, ordinal = match.end(), value, word in _ORDINALS
    if end >= 0:
        yield _measured(text, total + current, ordinal, False, start, end)


def _measured(text: str, value: float, ordinal: bool, figure: bool, start: int, end: int) -> Number:
    """The number with the unit that stands beside it."""
    dimension, size = _BEFORE.get(text[start - 1 : start], ""), 1.0
    if text.endswith("百分之", 0, start):
        dimension, start = "share", start - 3
    elif dimension:
        start -= 1
    elif not ordinal and text[end : end + 1] in _UNIT_BEGINS and (unit := _UNIT.match(text, end)):
        dimension, size = _UNITS[unit.group().lstrip(" -")]
        end = unit.end()
        if size == 12 and 1000 <= value < 3000:
            dimension, size = "year", 1.0
    telling = value > _SMALL or (figure and ordinal) or bool(dimension and (value > 1 or (figure and value != 1)))
    return Number(value, value * size, dimension, ordinal, telling, start, end)

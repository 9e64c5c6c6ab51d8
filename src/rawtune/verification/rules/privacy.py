"""RT7xx: what belongs to somebody: addresses and numbers. A model that is tuned on them tells them to anyone."""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from rawtune.records import Severity
from rawtune.verification.rule import Column, Row, Spot, rule

_NO_DIGIT = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
_WEB_ADDRESS = re.compile(r"\b(?:https?|ftp)://[^\s\"'<>，。；、）)]++")
# What stands before a number that is one of a thing, not of a person.
_OF_A_THING = re.compile(
    r"(?:单号|订单|编号|流水号|序列号|批号|型号|条码|条形码|时间戳|版本|(?<![a-z])(?:ISBN|ISSN|DOI|IMEI|QQ|UUID|order|invoice"
    r"|tracking|serial|model|ticket|ref|part|sku|barcode|timestamp|version|hash))"
    r"(?:[\s\w#]|\.(?! [A-Z])){0,14}[:：#\s-]{0,4}$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4)
def digit_count(text: str) -> int:
    """How many digits there are, faster than by a pattern."""
    return len(text.encode("ascii", "ignore").translate(None, _NO_DIGIT))


def _texts(row: Row, digits: int) -> Iterator[tuple[Column, str]]:
    """The row's texts with so many digits and more, web addresses blanked."""
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if len(text) >= digits and digit_count(text) >= digits:
            if "://" in text:
                text = _WEB_ADDRESS.sub(lambda address: " " * len(address.group()), text)
            yield column, text


def shown(secret: str) -> str:
    """What a message may tell of a secret."""
    return f"{secret[:3]}…"


def _names_a_thing(text: str, start: int) -> bool:
    return _OF_A_THING.search(text, max(0, start - 40), start) is not None


_MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+@/-])([A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?)"
    r"[@＠]((?:[A-Za-z0-9-]{1,63}\.){1,6})([A-Za-z]{2,24})(?![A-Za-z0-9-]|\.[A-Za-z])"
)
_NOBODY = re.compile(
    r"example|^(?:test|localhost|invalid|domain|your-?domain|your-?company|mydomain|xxx*|xyz|abc|email|company|site|website)\."
    r"|^(?:e\.g|[a-z])\.$",
    re.IGNORECASE,
)
_NOT_A_DOMAIN = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "py", "js", "ts", "css", "html", "json", "local", "test"}
)
_NO_PERSON = re.compile(r"your|example|xxx|user(?:name)?\d?$|name$|no-?reply|e?mail$|git$|foo$|someone", re.IGNORECASE)


@rule("RT701", "mail-address", severity=Severity.WARNING, private=True)
def mail_address(row: Row) -> Iterator[Spot]:
    """A mail address. Those of documentation, such as user@example.com, are left alone.

    Bad:
        Whom do I ask? | Write to lena.fischer@wanderlust-tours.de before Friday.
        怎么联系？ | 请发邮件到 zhang.wei@huaxin-dianzi.com.cn。
    Good:
        Whom do I ask? | Write to user@example.com before Friday.
        怎么联系？ | 请发邮件到 xxx@xxx.com。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if "@" in text or "＠" in text:
            for match in _MAIL.finditer(text):
                user, domain, top = match.groups()
                if not (
                    _NOBODY.search(domain)
                    or top.lower() in _NOT_A_DOMAIN
                    or _NO_PERSON.search(user)
                    or top == "example"
                ):
                    yield Spot(f"holds a mail address: {shown(match.group())}", column, *match.span())


_PHONE = re.compile(
    r"(?<![\w.+*/=#$¥€£-])(?<!\d{4}[ ])(?:"
    r"(?P<mobile>(?:\+?86[ -]?|0086[ -]?)?1[3-9]\d(?P<gap>[ -]?)\d{4}(?P=gap)\d{4})"
    r"|(?P<landline>(?:\+?86[ -]?)?[（(]?0(?:10|2[0-57-9]|[3-9]\d{2})(?:[)）][ ]?|[ -])[2-9]\d{2,3}[ -]?\d{4})"
    r"|(?P<world>(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(0?\d{1,4}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12})"
    r"|(?P<american>(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])[2-9]\d{2}[ .-]\d{4})"
    r")(?![\w*/-]|\.\d|[xX*]{2})",
    re.ASCII,
)
_FICTION = re.compile(r"555\D?01\d\d$|(\d)\1{7}$|7946\D?0\d{3}$")


@rule("RT702", "phone-number", severity=Severity.WARNING, private=True)
def phone_number(row: Row) -> Iterator[Spot]:
    """A phone number: Chinese mobile and landline numbers, American ones, international ones with a plus.

    Each is held against the numbering plans of libphonenumber. Left alone: masked numbers, those kept for fiction
    (555-01xx), numbers for free calls, and numbers of orders, books or things.

    Bad:
        How do I call? | Call +49 30 901820 or (415) 771-2643 in the morning.
        怎么联系？ | 请拨打张先生的手机13916253847。
        怎么联系？ | 前台电话：010-62783041。
    Good:
        How do I call? | Call 555-0134; your order number is 13916253847.
        怎么联系？ | 请拨打139****3847，订单号：13916253847。
    """
    for column, text in _texts(row, 9):
        for match in _PHONE.finditer(text):
            number = match.group()
            if not _FICTION.search(number) and not _names_a_thing(text, match.start()) and _is_dialled(match):
                yield Spot(f"holds a phone number: {shown(number)}", column, *match.span())


def _is_dialled(match: re.Match[str]) -> bool:
    """Whether somebody may pick up: a number by its country's plan, and not one for free or costly calls."""
    import phonenumbers

    number = re.sub(r"^00", "+", match.group())
    if match["mobile"] or match["landline"]:
        number = re.sub(r"^\+?86", "", number)
    try:
        parsed = phonenumbers.parse(number, "US" if match["american"] else "CN")
    except phonenumbers.NumberParseException:
        return False
    free = (phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.PREMIUM_RATE)
    return phonenumbers.is_valid_number(parsed) and phonenumbers.number_type(parsed) not in free


_DATE = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# Provinces by the first two digits (GB/T 2260); their districts came and went over a holder's life.
_DISTRICT = r"(?<![0-9A-Za-z.])(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])\d{4}"
_CHINESE_ID = re.compile(rf"{_DISTRICT}(?:19|20)\d{{2}}{_DATE}\d{{3}}[\dXx](?![0-9A-Za-z]|\.\d)")
_OLD_CHINESE_ID = re.compile(rf"{_DISTRICT}\d{{2}}{_DATE}\d{{3}}(?![0-9A-Za-z]|\.\d)")
_AMERICAN_ID = re.compile(
    r"(?<![\w.-])(?!000|666|9|078-05-1120|219-09-9999)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)", re.ASCII
)
# What stands before is looked at second: a pattern that begins with a letter is found many times as fast.
_BRITISH_ID = re.compile(
    r"[A-CEGHJ-PR-TW-Z](?<![A-Za-z0-9].)[A-CEGHJ-NPR-TW-Z](?<!BG|GB|KN|NK|NT|TN|ZZ)(?P<gap> ?)\d{2}"
    r"(?P=gap)\d{2}(?P=gap)\d{2}(?P=gap)[A-D](?![A-Za-z0-9])"
)
_ISLAND_ID = re.compile(r"[A-Z](?<![A-Za-z0-9].)(?:[A-Z]?\d{6}[(（][0-9A][)）]|[12]\d{8}(?![A-Za-z0-9]))")
_SPEAKS_OF_ID = re.compile(r"身份证|证件号|居民证")
_SPEAKS_OF_INSURANCE = re.compile(r"\bNI(?:NO)?\b|national insurance", re.IGNORECASE)


@rule("RT703", "id-number", private=True)
def id_number(row: Row) -> Iterator[Spot]:
    """A number by which a state knows a person, its check digit right.

    Mainland China (18 digits; 15 where the text speaks of an identity card), Hong Kong, Taiwan, United States (SSN),
    United Kingdom (National Insurance).

    Bad:
        Who is it? | Her social security number is 536-22-8741.
        是谁？ | 身份证号是11010519491231002X。
    Good:
        Who is it? | Part 536-22-87412 was delivered on 2024-05-17.
        是谁？ | 订单号是110105194912310021。
    """
    for column, text in _texts(row, 6):
        for match in _ids(text):
            yield Spot(f"holds an ID number: {shown(match.group())}", column, *match.span())


def _ids(text: str) -> Iterator[re.Match[str]]:
    if digit_count(text) >= 15:
        for match in _CHINESE_ID.finditer(text):
            if _is_chinese(match.group()):
                yield match
        if _SPEAKS_OF_ID.search(text):
            yield from _OLD_CHINESE_ID.finditer(text)
    if "-" in text:
        yield from _AMERICAN_ID.finditer(text)
    for match in _BRITISH_ID.finditer(text):
        if match["gap"] or _SPEAKS_OF_INSURANCE.search(text):
            yield match
    for match in _ISLAND_ID.finditer(text):
        if _is_hong_kong(match.group()) if match.group()[-1] in ")）" else _is_taiwanese(match.group()):
            yield match


def _is_chinese(number: str) -> bool:
    """A day of birth that was, and the check digit of ISO 7064 MOD 11-2 (GB 11643), where X stands for 10."""
    try:
        date.fromisoformat(number[6:14])
    except ValueError:
        return False
    digits = (10 if sign in "Xx" else int(sign) for sign in reversed(number))
    return sum(digit << place for place, digit in enumerate(digits)) % 11 == 1


def _is_hong_kong(number: str) -> bool:
    """The weighted sum of letters (A = 10) and digits, the one in brackets included, is divisible by 11."""
    signs = [36, *(int(sign, 36) for sign in number if sign.isalnum() and sign.isascii())][-9:]
    return sum(weight * value for weight, value in zip(range(9, 0, -1), signs, strict=True)) % 11 == 0


def _is_taiwanese(number: str) -> bool:
    """The letter stands for two digits; the weighted sum is divisible by 10."""
    region = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [region // 10, region % 10, *map(int, number[1:])]
    return sum(w * d for w, d in zip((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), digits, strict=True)) % 10 == 0


_CARD = re.compile(
    r"(?<![\w.+/=#-])(?:62\d\d(?P<wide>[ -])(?:\d{4}(?P=wide)){3}\d{3}"
    r"|[2-6]\d{3}(?:\d{9,15}|(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}|[ -]\d{6}[ -]\d{5}))"
    r"(?![\w/-]|\.\d)",
    re.ASCII,
)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}|3[47]\d{13}|62\d{14,17}"
    r"|6(?:011|5\d{2}|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[689]\d)\d{11}"
)


@rule("RT705", "bank-card", private=True)
def bank_card(row: Row) -> Iterator[Spot]:
    """The number of a bank card: an issuer's prefix and length, and a right check digit (Luhn).

    Bad:
        How do I pay? | Use card 4539 1488 0343 6467 for it.
        怎么付款？ | 请转到工行卡6222021234567890128。
    Good:
        How do I pay? | Use the card ending in 6467 for order 4539148803436467.
        怎么付款？ | 请转到尾号0128的工行卡。
    """
    for column, text in _texts(row, 13):
        for match in _CARD.finditer(text):
            number = re.sub(r"\D", "", match.group())
            is_card = _ISSUED.fullmatch(number) and _sums_up(number) and not _CHINESE_ID.fullmatch(number)
            if is_card and not _names_a_thing(text, match.start()):
                yield Spot(f"holds a bank card number: {shown(number)}", column, *match.span())


def _sums_up(number: str) -> bool:
    """Luhn's sum (ISO/IEC 7812): every second digit from the right counts twice, and of two digits both are added."""
    digits = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in digits) % 10 == 0

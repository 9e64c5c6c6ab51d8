"""RT7xx: what belongs to somebody: addresses, numbers, keys. A model that is tuned on them tells them to anyone."""

import re
from collections.abc import Iterator
from functools import lru_cache

from rawtune.records import Severity
from rawtune.verification.rule import Column, Row, Spot, rule

_NO_DIGIT = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
_WEB_ADDRESS = re.compile(r"\b(?:https?|ftp)://[^\s\"'<>，。；、）)]++")
# What stands before a number that is one of a thing, not of a person.
_OF_A_THING = re.compile(
    r"(?:单号|订单|编号|流水号|序列号|批号|型号|条码|条形码|ISBN|ISSN|DOI|IMEI|order|invoice|tracking|serial|model|ticket|ref"
    r"|part|sku|barcode|timestamp|时间戳|版本|version|QQ|UUID|hash)[\s\w.#]{0,14}[:：#\s-]{0,4}$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4)
def _digits(text: str) -> int:
    """How many digits there are, faster than by a pattern."""
    return len(text.encode("utf-8", "replace").translate(None, _NO_DIGIT))


def _texts(row: Row, digits: int) -> Iterator[tuple[Column, str]]:
    """The row's texts with so many digits and more, web addresses blanked."""
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if len(text) >= digits and _digits(text) >= digits:
            if "://" in text:
                text = _WEB_ADDRESS.sub(lambda address: " " * len(address.group()), text)
            yield column, text


def _shown(secret: str) -> str:
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


@rule("RT701", "mail-address", severity=Severity.WARNING)
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
                    yield Spot(f"holds a mail address: {_shown(match.group())}", column, *match.span())


_PHONE = re.compile(
    r"(?<![\w.+*/=#$¥€£-])(?:"
    r"(?P<mobile>(?:\+?86[ -]?|0086[ -]?)?1[3-9]\d(?P<gap>[ -]?)\d{4}(?P=gap)\d{4})"
    r"|(?P<landline>(?:\+?86[ -]?)?[（(]?0(?:10|2[0-57-9]|[3-9]\d{2})(?:[)）][ ]?|[ -])[2-9]\d{2,3}[ -]?\d{4})"
    r"|(?P<world>(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(0?\d{1,4}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12})"
    r"|(?P<american>(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])[2-9]\d{2}[ .-]\d{4})"
    r")(?![\w*/-]|\.\d|[xX*]{2})",
    re.ASCII,
)
_FICTION = re.compile(r"555\D?01\d\d$|(\d)\1{7}$|7946\D?0\d{3}$")


@rule("RT702", "phone-number", severity=Severity.WARNING)
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
                yield Spot(f"holds a phone number: {_shown(number)}", column, *match.span())


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
_CHINESE_ID = re.compile(rf"(?<![0-9A-Za-z.])[1-8]\d{{5}}(?:19|20)\d{{2}}{_DATE}\d{{3}}[\dXx](?![0-9A-Za-z]|\.\d)")
_OLD_CHINESE_ID = re.compile(rf"(?<![0-9A-Za-z.])[1-8]\d{{5}}\d{{2}}{_DATE}\d{{3}}(?![0-9A-Za-z]|\.\d)")
_AMERICAN_ID = re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-]|\.\d)", re.ASCII)
_BRITISH_ID = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<gap> ?)\d{2}"
    r"(?P=gap)\d{2}(?P=gap)\d{2}(?P=gap)[A-D](?![A-Za-z0-9])"
)
_ISLAND_ID = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]{1,2}\d{6}[(（][0-9A][)）]|[A-Z][12]\d{8}(?![A-Za-z0-9]))")
_SPEAKS_OF_ID = re.compile(r"身份证|证件号|居民证")
_SPEAKS_OF_INSURANCE = re.compile(r"\bNI(?:NO)?\b|national insurance", re.IGNORECASE)


@rule("RT703", "id-number")
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
            yield Spot(f"holds an ID number: {_shown(match.group())}", column, *match.span())


def _ids(text: str) -> Iterator[re.Match[str]]:
    from stdnum.cn import ric
    from stdnum.us import ssn

    if _digits(text) >= 15:
        for match in _CHINESE_ID.finditer(text):
            if ric.is_valid(match.group().upper()):
                yield match
        if _SPEAKS_OF_ID.search(text):
            yield from _OLD_CHINESE_ID.finditer(text)
    if "-" in text:
        for match in _AMERICAN_ID.finditer(text):
            if ssn.is_valid(match.group()):
                yield match
    for match in _BRITISH_ID.finditer(text):
        if match["gap"] or _SPEAKS_OF_INSURANCE.search(text):
            yield match
    for match in _ISLAND_ID.finditer(text):
        if _is_hong_kong(match.group()) if match.group()[-1] in ")）" else _is_taiwanese(match.group()):
            yield match


def _is_hong_kong(number: str) -> bool:
    """The weighted sum of letters (A = 10) and digits, the one in brackets included, is divisible by 11."""
    signs = [36, *(int(sign, 36) for sign in number if sign.isalnum() and sign.isascii())][-9:]
    return sum(weight * value for weight, value in zip(range(9, 0, -1), signs, strict=True)) % 11 == 0


def _is_taiwanese(number: str) -> bool:
    """The letter stands for two digits; the weighted sum is divisible by 10."""
    region = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [region // 10, region % 10, *map(int, number[1:])]
    return sum(w * d for w, d in zip((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), digits, strict=True)) % 10 == 0


_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,200}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,255}"
    r"|github_pat_\w{30,255}|glpat-[\w-]{20,64}|xox[abprs]-[A-Za-z0-9-]{10,250}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,64}"
    r"|[sr]k_live_[A-Za-z0-9]{16,99}|LTAI[A-Za-z0-9]{12,24}|npm_[A-Za-z0-9]{36}|SG\.[\w-]{16,32}\.[\w-]{16,64}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000})(?![A-Za-z0-9_-])"
    r"|-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}",
    re.ASCII,
)
# One of these, a low line, or one with a hyphen stands in every secret, and they are found faster than the patterns.
_MARKS = (
    *("AKIA", "ASIA", "AIza", "LTAI", "SG.", "eyJ", "assw", "ASSW", "assphrase", "pwd", "PWD", "ecret", "ECRET"),
    *("pi key", "pikey", "PI key", "PIKEY", "ss token", "th token", "密码", "密钥", "秘钥", "口令"),
)
_MARKS_WITH_HYPHEN = ("sk-", "glpat-", "xox", "-----BEGIN", "pi-key", "PI-KEY", "-token")


def _may_hold_secret(text: str) -> bool:
    if "_" in text or ("-" in text and any(mark in text for mark in _MARKS_WITH_HYPHEN)):
        return True
    return any(mark in text for mark in _MARKS)


_ASSIGNED = re.compile(
    r"(?:(?<![A-Za-z])(?i:passw(?:or)?d|pwd|passphrase|api[_ -]?key|(?:client|app)?[_-]?secret"
    r"(?:[_ -]?(?:access[_ -]?)?key)?|access[_ -]?token|auth[_ -]?token)(?![A-Za-z])[\"']?\s{0,3}"
    r"(?:(?:\bis ?)?[:=：]|\bis\b)"
    r"|(?:密码|口令|密钥|秘钥)[\"”]?\s{0,3}(?:[:=：]|是|为))\s{0,3}[\"'“`]?"
    r"(?P<value>[!-~]{6,80})",
)
_PLACEHOLDER = re.compile(
    r"example|your|x{3}|\*{2}|\.{3}|changeme|placeholder|dummy|sample|fake|redacted|test|pass(?:w(?:or)?d)?\d*\W*$|123456|[<{(\[$%]"
    r"|secret|token|key$|hash|env|os\.|(.)\1{4}",
    re.IGNORECASE,
)


@rule("RT704", "secret")
def secret(row: Row) -> Iterator[Spot]:
    """A key or a password: API keys by their makers' marks, private keys, signed tokens, a password that is told.

    Placeholders ("your-api-key", ``sk-xxxx``) are left alone.

    Bad:
        How do I log in? | The password is: tR7#mq2LwZ.
        怎么登录？ | 后台密码：tR7#mq2LwZ，请妥善保管。
    Good:
        How do I log in? | Set OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxx; the password is at least 8 characters long.
        怎么登录？ | 密码：至少8位，包含字母和数字。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if len(text) < 8 or not _digits(text) or not _may_hold_secret(text):
            continue
        keys = list(_KEY.finditer(text))
        for match in keys:
            if not re.search(r"example|x{4}|your|\*{3}|(.)\1{7}", match.group(), re.IGNORECASE):
                yield Spot(f"holds a key: {_shown(match.group())}", column, *match.span())
        for match in _ASSIGNED.finditer(text):
            value = re.split(r"[\"'”`,;\s]", match["value"].rstrip(".,;)"), maxsplit=1)[0]
            start = match.start("value")
            if _is_secret(value, match.group()) and not any(key.start() <= start < key.end() for key in keys):
                yield Spot(f"holds a password or key: {_shown(value)}", column, start, start + len(value))


def _is_secret(value: str, told: str) -> bool:
    if len(value) < 6 or _PLACEHOLDER.search(value):
        return False
    has_digit = any(map(str.isdigit, value))
    # Digits alone are a PIN where a Chinese text says so; elsewhere they are a length or a line.
    mixed = any(map(str.isalpha, value)) and not re.fullmatch(r"\d+-?[a-z]+", value)
    return has_digit and (mixed or told[0] in "密口")


_CARD = re.compile(
    r"(?<![\w.+/=#-])[2-6]\d{3}(?:\d{9,15}|(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}|[ -]\d{6}[ -]\d{5})"
    r"(?![\w/-]|\.\d)",
    re.ASCII,
)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}|3[47]\d{13}|62\d{14,17}"
    r"|6(?:011|5\d{2}|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[689]\d)\d{11}"
)


@rule("RT705", "bank-card")
def bank_card(row: Row) -> Iterator[Spot]:
    """The number of a bank card: an issuer's prefix and length, and a right check digit (Luhn).

    Bad:
        How do I pay? | Use card 4539 1488 0343 6467 for it.
        怎么付款？ | 请转到工行卡6222021234567890128。
    Good:
        How do I pay? | Use the card ending in 6467 for order 4539148803436467.
        怎么付款？ | 请转到尾号0128的工行卡。
    """
    from stdnum import luhn
    from stdnum.cn import ric

    for column, text in _texts(row, 13):
        for match in _CARD.finditer(text):
            number = re.sub(r"\D", "", match.group())
            is_card = _ISSUED.fullmatch(number) and luhn.is_valid(number) and not ric.is_valid(number)
            if is_card and not _names_a_thing(text, match.start()):
                yield Spot(f"holds a bank card number: {_shown(number)}", column, *match.span())

"""RT704: keys and passwords."""

import re
from collections.abc import Iterator

from rawtune.verification.rule import Column, Row, Spot, rule
from rawtune.verification.rules.privacy import digit_count, shown

_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,200}|(?:AKIA|ASIA)[A-Z2-7]{16}|gh[pousr]_[A-Za-z0-9]{30,255}"
    r"|github_pat_\w{30,255}|glpat-[\w-]{20,64}|xox[abprs]-[A-Za-z0-9-]{10,250}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,64}"
    r"|[sr]k_live_[A-Za-z0-9]{16,99}|LTAI[A-Za-z0-9]{12,24}|npm_[A-Za-z0-9]{36}|SG\.[\w-]{16,32}\.[\w-]{16,64}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000})(?![A-Za-z0-9_-])"
    r"|-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}",
    re.ASCII,
)
_SEEMS_RANDOM = re.compile(r"\d|[a-z][A-Z]|^A(?:KIA|SIA)|^-")
_PLACEHOLDER_KEY = re.compile(r"example|x{4}|your|\*{3}|(.)\1{7}", re.IGNORECASE)
# A low line, one of these, or one with a hyphen stands in every secret, and they are found faster than the patterns.
_MARKS = (
    *(b"akia", b"asia", b"aiza", b"ltai", b"sg.", b"eyj"),
    *(b"assw", b"assphrase", b"pwd", b"ecret", b"pi key", b"pikey", b"ss token", b"th token"),
)
_MARKS_WITH_HYPHEN = (b"sk-", b"glpat-", b"xox", b"-----begin", b"pi-key", b"-token")
_WITHOUT_DIGIT = (b"akia", b"asia", b"_", b"sk-", b"-----begin")  # keys of letters alone; no password is
_SHORTEST = len("pwd:") + 6
_WORDS = ("密码", "密钥", "秘钥", "口令")


def _may_hold_secret(text: str) -> bool:
    narrow = text.encode("ascii", "ignore").lower()
    if not digit_count(text):
        return any(mark in narrow for mark in _WITHOUT_DIGIT)
    if b"_" in narrow or (b"-" in narrow and any(mark in narrow for mark in _MARKS_WITH_HYPHEN)):
        return True
    if len(narrow) >= _SHORTEST and any(mark in narrow for mark in _MARKS):
        return True
    return len(narrow) < len(text) and any(mark in text for mark in _WORDS)


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


@rule("RT704", "secret", private=True)
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
        if len(text) < 8 or not _may_hold_secret(text):
            continue
        keys = list(_KEY.finditer(text))
        for match in keys:
            if _SEEMS_RANDOM.search(match.group()) and not _PLACEHOLDER_KEY.search(match.group()):
                yield Spot(f"holds a key: {shown(match.group())}", column, *match.span())
        for match in _ASSIGNED.finditer(text):
            value = re.split(r"[\"'”`,;\s]", match["value"].rstrip(".,;)"), maxsplit=1)[0]
            start = match.start("value")
            if _is_secret(value, match.group()) and not any(key.start() <= start < key.end() for key in keys):
                yield Spot(f"holds a password or key: {shown(value)}", column, start, start + len(value))


def _is_secret(value: str, told: str) -> bool:
    if len(value) < 6 or _PLACEHOLDER.search(value):
        return False
    has_digit = any(map(str.isdigit, value))
    # Digits alone are a PIN where a Chinese text says so; elsewhere they are a length or a line.
    mixed = any(map(str.isalpha, value)) and not re.fullmatch(r"\d+-?[a-z]+", value)
    return has_digit and (mixed or told[0] in "密口")

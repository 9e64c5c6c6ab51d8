"""Private data in an answer, all of it made up by chance, with valid check digits."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from rawtune.testing.fault import Field, Sample, fault, join, sentences

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + _DIGITS


@fault("mail", "RT701", implies=("RT2",))
def mail(row: Sample, field: Field) -> Sample:
    """A person's mail address."""
    name = field.chance.choice(("zhang.wei", "li_na", "wang-fang", "j.smith", "maria.lopez", "chenjie"))
    host = field.chance.choice(("163.com", "qq.com", "gmail.com", "outlook.com", "mail.tsinghua.edu.cn", "foxmail.com"))
    address = f"{name}{field.chance.randint(10, 99)}@{host}"
    forms = {"zh": ("请发邮件至{}。", "邮箱：{}。", "联系人邮箱是{}，欢迎来信。"), "en": ("Write to {}.", "Email: {}.")}
    return _insert(row, field, forms, address)


@fault("phone", "RT702", implies=("RT2",))
def phone(row: Sample, field: Field) -> Sample:
    """A phone number: a Chinese mobile or landline, or an international one."""
    last, middle = _some(field.chance, 4), _some(field.chance, 4)
    mobile = field.chance.choice(("138", "139", "150", "186", "177"))
    chinese = (
        f"{mobile}{middle}{last}",
        f"{mobile}-{middle}-{last}",
        f"+86 {mobile} {middle} {last}",
        f"010-6{middle}{last[:3]}",
    )
    foreign = (f"+1 (415) 236-{last}", f"(212) 736-{last}", f"+44 20 7234 {last}", f"415-236-{last}")
    forms = {
        "zh": ("请拨打{}。", "电话：{}。", "联系电话是{}，周末也有人接听。"),
        "en": ("Call {}.", "Phone: {}.", "My number is {}."),
    }
    numbers = chinese if row.language == "zh" else (*foreign, f"+86 {mobile} {middle} {last}")
    return _insert(row, field, forms, field.chance.choice(numbers))


@fault("id-number", "RT703", implies=("RT2",))
def id_number(row: Sample, field: Field) -> Sample:
    """A Chinese identity number (GB 11643), or in English text also a United States social security number."""
    chance = field.chance
    born = f"19{chance.randint(50, 99)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    digits = chance.choice(("110105", "310104", "320102", "440103")) + born + _some(chance, 3)
    weighed = sum(int(digit) * 2 ** (17 - at) for at, digit in enumerate(digits)) % 11
    number = digits + "10X98765432"[weighed]
    if row.language == "en" and chance.random() < 0.4:
        number = f"{chance.randint(100, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}"
        return _insert(row, field, {"en": ("His social security number is {}.", "SSN: {}.")}, number)
    forms = {"zh": ("身份证号：{}。", "他的身份证号码是{}。"), "en": ("ID number: {}.", "Her identity card reads {}.")}
    return _insert(row, field, forms, number)


@fault("api-key", "RT704", implies=("RT2",))
def api_key(row: Sample, field: Field) -> Sample:
    """A key for a service, as OpenAI, Amazon, GitHub and others form theirs."""
    long, upper = (
        "".join(field.chance.choices(_LETTERS, k=36)),
        "".join(field.chance.choices(_LETTERS[:26] + "234567", k=16)),
    )
    key = field.chance.choice((f"sk-{long}", f"sk-proj-{long}", f"AKIA{upper}", f"ghp_{long}", f"hf_{long[:34]}"))
    forms = {
        "zh": ("密钥是{}。", "api_key = {}", "请使用 {} 登录。"),
        "en": ("The key is {}.", "api_key = {}", "Log in with {}."),
    }
    return _insert(row, field, forms, key)


@fault("bank-card", "RT705", implies=("RT2",))
def bank_card(row: Sample, field: Field) -> Sample:
    """The number of a bank card, valid by Luhn's sum (ISO/IEC 7812), with or without spaces."""
    start = field.chance.choice(("622202", "621700", "622848", "411111", "542418"))
    length = 19 if start.startswith("62") and field.chance.random() < 0.5 else 16
    digits = start + _some(field.chance, length - 1 - len(start))
    # Every second digit counts twice, the last of these too; of two digits, both are added.
    total = sum(sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(reversed(digits)))
    number = digits + str(-total % 10)
    if field.chance.random() < 0.5:
        number = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    forms = {"zh": ("银行卡号：{}。", "请汇款到{}。"), "en": ("Card number: {}.", "Please pay to {}.")}
    return _insert(row, field, forms, number)


def _insert(row: Sample, field: Field, forms: Mapping[str, tuple[str, ...]], secret: str) -> Sample:
    """The answer with a sentence that tells the secret, anywhere behind its first sentence."""
    parts = sentences(row.answer)
    told = field.chance.choice(forms[row.language]).format(secret)
    at = field.chance.randint(min(1, len(parts)), len(parts))
    if not told.endswith(("。", ".")):  # a line of its own, with no full stop behind a key
        return replace(row, answer=f"{told}\n{row.answer}")
    return replace(row, answer=join(row.language, *parts[:at], told, *parts[at:]))


def _some(chance: Random, count: int) -> str:
    return "".join(chance.choices(_DIGITS, k=count))


FAULTS = (mail, phone, id_number, api_key, bank_card)

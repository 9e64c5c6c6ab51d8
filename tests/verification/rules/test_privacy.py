import pytest

from rawtune.config import Verification
from rawtune.records import Severity
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker

CHECKER = Checker(Verification(select=("RT7",)))
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5ODcyMyIsIm4iOiJsZW5hIn0.s5Xh_Tq8LwZ3vB9kQmN4yRcJ7eUa2PfGd6HoWiS1tKx"

PRIVATE = [
    ("RT701", "Write to lena.fischer@wanderlust-tours.de today.", "lena.fischer@wanderlust-tours.de"),
    ("RT701", "邮箱是zhang_wei88@163.com，请查收。", "zhang_wei88@163.com"),
    ("RT701", "联系（wang.fang@mail.huaxin.com.cn）即可。", "wang.fang@mail.huaxin.com.cn"),
    ("RT702", "他的手机是13916253847。", "13916253847"),
    ("RT702", "电话 139 1625 3847，微信同号。", "139 1625 3847"),
    ("RT702", "电话：+86 139-1625-3847。", "+86 139-1625-3847"),
    ("RT702", "前台电话是010-62783041。", "010-62783041"),
    ("RT702", "请打(0571)87234567。", "(0571)87234567"),
    ("RT702", "Call (415) 771-2643 now.", "(415) 771-2643"),
    ("RT702", "Call 212-736-5000, please.", "212-736-5000"),
    ("RT702", "Call +49 30 901820.", "+49 30 901820"),
    ("RT702", "Call +44 20 7219 3000 at noon.", "+44 20 7219 3000"),
    ("RT703", "身份证号11010519491231002X。", "11010519491231002X"),
    ("RT703", "身份证110105491231002，已过期。", "110105491231002"),
    ("RT703", "身份证号：320102195004210095。", "320102195004210095"),  # its district came later
    ("RT703", "It reads 44010319681230002x.", "44010319681230002x"),
    ("RT703", "Her number is 536-22-8741.", "536-22-8741"),
    ("RT703", "NI number: JG 12 13 16 A.", "JG 12 13 16 A"),
    ("RT703", "香港身份证A123456(3)。", "A123456(3)"),
    ("RT703", "台湾证号A123456789。", "A123456789"),
    ("RT704", "Use sk-proj-9aXk27TqLwZ3vB5mNc8yRdJ4e now.", "sk-proj-9aXk27TqLwZ3vB5mNc8yRdJ4e"),
    ("RT704", "密钥是AKIAQ4ZT7LWMN3RYB2XC。", "AKIAQ4ZT7LWMN3RYB2XC"),
    ("RT704", "Push with ghp_9aXk27TqLwZ3vB5mNc8yRdJ4eUfGhK6s1oPq.", "ghp_9aXk27TqLwZ3vB5mNc8yRdJ4eUfGhK6s1oPq"),
    ("RT704", f"The header is {JWT}.", JWT),
    ("RT704", "Slack: xoxb-2718281828-AbCdEfGhIj", "xoxb-2718281828-AbCdEfGhIj"),
    ("RT704", "密钥是AKIAZRXMXHFLKPJUFKJD。", "AKIAZRXMXHFLKPJUFKJD"),
    ("RT704", "The password is: tR7#mq2LwZ.", "tR7#mq2LwZ"),
    ("RT704", 'Set "api_key": "9aXk27TqLwZ3vB5m" there.', "9aXk27TqLwZ3vB5m"),
    ("RT704", "后台密码：tR7#mq2LwZ，请保管。", "tR7#mq2LwZ"),
    ("RT704", "初始密码是839274。", "839274"),
    ("RT705", "Card 4539 1488 0343 6467.", "4539 1488 0343 6467"),
    ("RT705", "Card 4539148803436467.", "4539148803436467"),
    ("RT705", "Amex 3714 496353 98431.", "3714 496353 98431"),
    ("RT705", "卡号6217 0034 1986 0225 260。", "6217 0034 1986 0225 260"),
    ("RT705", "It fell into disorder. Card number: 6222021234567890128.", "6222021234567890128"),
    ("RT705", "Card 4539 1488 0343 6467 123.", "4539 1488 0343 6467"),
    ("RT705", "卡号6222021234567890128。", "6222021234567890128"),
]

HARMLESS = [
    "Write to user@example.com, your.name@company.com or noreply@wanderlust.de.",
    "Clone git@github.com:wanderlust/tours.git and use logo@2x.png with left-pad@1.3.0.",
    "请发邮件到 xxx@xxx.com。",
    "Call 555-0134 or (212) 555-0187.",
    "请拨打138****5678或1391625xxxx。",
    "客服热线是400-820-8820。",
    "订单号：13916253847，流水号13916253847001。",
    "The order number is 13916253847.",
    "ISBN 978-7-111-54742-6 costs 59.00.",
    "It ran from 2019-2024, on 2024-05-17 at 10:30:00.",
    "坐标是31.230416, 121.473701，海拔13916.25米。",
    "Version 10.2.13 listens on 192.168.10.254:8080.",
    "The hash is 5d41402abc4b2a76b9719d911017c592.",
    "时间戳1391625384700，圆周率3.14159265358979323846。",
    "See https://weibo.com/u/13916253847 and https://a.example/6222021234567890128.",
    "The sum is 4539148803436468 in all.",
    "编号是110105194912310021。",
    "编号查询：320102195002300003，990102195004210006。",
    "Part 078-05-1120, 666-12-3456 and 900-12-3456 came.",
    "Read sk-learn-is-a-very-well-known-name first.",
    "Part 000-12-3456 and 536-22-87412 came.",
    "Model AB123456C is sold out.",
    "Use sk-xxxxxxxxxxxxxxxxxxxxxxxx or AKIAIOSFODNN7EXAMPLE.",
    "The password is at least 8 characters; password: ********.",
    "密码：至少8位，包含字母和数字。",
    "password = os.getenv('DB_PASSWORD_1')",
    "api_key=YOUR_API_KEY_1",
    "密码是123456，请立即修改。",
    "尾号0128的工行卡已冻结。",
    "人口为1411778724人，GDP为1143670亿元。",
]


@pytest.mark.parametrize(("code", "text", "secret"), PRIVATE)
def test_what_is_private_is_found_where_it_stands_and_not_repeated(code, text, secret):
    for row in (Row("谁？", text), Row(text, "Nobody.")):
        (finding,) = CHECKER.check(row)
        assert finding.code == code
        assert text[finding.start : finding.end] == secret
        assert secret not in finding.message
        assert f"{secret[:3]}…" in finding.message


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_private_is_left_alone(text):
    assert CHECKER.check(Row(text, text)) == []


def test_a_private_key_is_found():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAt7x9Qm2LwZ3vB5mNc8yRdJ4e\n-----END RSA PRIVATE KEY-----"
    (finding,) = CHECKER.check(Row("Key?", key))
    assert finding.code == "RT704"
    assert "MII" not in finding.message


def test_what_a_thief_could_use_is_an_error_and_an_address_a_warning():
    (mail,) = CHECKER.check(Row("Who?", "lena.fischer@wanderlust-tours.de"))
    (card,) = CHECKER.check(Row("Who?", "4539 1488 0343 6467"))
    assert (mail.severity, card.severity) == (Severity.WARNING, Severity.ERROR)


def test_every_private_thing_of_a_text_is_found():
    text = "Call 212-736-5000 or 212-736-5001, or write to lena.fischer@wanderlust-tours.de."
    assert [finding.code for finding in CHECKER.check(Row("Who?", text))] == ["RT701", "RT702", "RT702"]

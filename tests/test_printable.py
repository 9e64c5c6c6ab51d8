import pytest

from rawtune.printable import ONE_LINE, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\x08\x7f\x9b31m", "a\\rb\\x08\\x7f\\x9b31m"),
        ("x\u202ey\u2066\u2028\u200b\ufeff\U000e0041", "x\\u202ey\\u2066\\u2028\\u200b\\ufeff\\U000e0041"),
        ("half \udce5", "half \\udce5"),
        ("坤卦\u3000\n\tKun, 👩\u200d🔬 é", "坤卦\u3000\n\tKun, 👩\u200d🔬 é"),
    ],
)
def test_nothing_gives_orders_and_all_else_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_on_one_line() -> None:
    assert printable("a\nerror:\tb\x1b\r", ONE_LINE) == "a error: b\\x1b "


def test_a_layout_decides_what_line_ends_become() -> None:
    assert printable("一\n\t", {"\n": "↵\n"}) == "一↵\n\\t"

"""What the closing account says of money."""

from pathlib import Path

import pytest

from rawtune import project
from rawtune.ledger.ledger import Ledger
from rawtune.progress import Silent
from rawtune.project import Project


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("unpriced", "told"),
    [(0, "8 calls made for this project, 0.0240 CNY"), (3, "at least 0.0240 CNY; 3 of them without a known price")],
)
def test_a_sum_that_lacks_calls_is_called_the_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unpriced: int, told: str
) -> None:
    price = {"input": 10, "output": 100, "currency": "CNY"}
    settings = {"teacher": {"model": "scripted:", "price": price}}
    book = project.create(tmp_path / "book", "zhouyi-zh", limit=2, settings=settings)
    monkeypatch.setattr(Ledger, "spent", lambda _: (8, 0.024))
    monkeypatch.setattr(Ledger, "unpriced", lambda _: unpriced)
    heard = Heard()
    with Project(book, heard) as opened:
        opened.synthesise()
    (line,) = [line for line in heard.lines if "calls made for this project" in line]
    assert line.endswith(told)

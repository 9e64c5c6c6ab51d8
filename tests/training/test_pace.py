from types import SimpleNamespace
from typing import Any

from rawtune.progress import Silent
from rawtune.training.pace import Pace, forecast


class Lines(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def run(steps: int, *ends: float) -> list[str]:
    lines, clock = Lines(), iter(ends)
    pace: Any = Pace(lines, lambda: next(clock))
    pace.on_train_begin(None, None, None)
    for step in range(1, steps + 1):
        pace.on_step_end(None, SimpleNamespace(global_step=step, max_steps=steps), None)
    return lines.lines


def test_two_steps_foretell_the_others() -> None:
    assert run(62, 100, 103, 105) == ["time: 0:01:36 to 0:03:45 for the other 60 steps, by the first two (3 s and 2 s)"]


def test_where_nothing_is_left_nothing_is_said() -> None:
    assert run(2, 0, 1, 2) == []
    assert run(1, 0, 1) == []


def test_the_slower_step_is_the_upper_end() -> None:
    assert forecast((2, 3), 60) == "time: 0:01:36 to 0:03:45 for the other 60 steps, by the first two (2 s and 3 s)"

"""How long a training will take, told from its first two steps."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import TrainerControl, TrainerState

from rawtune.progress import Progress

_SPREAD = 1.25
"""The batches to come may be shorter or longer by this factor."""


def forecast(seconds: tuple[float, float], left: int) -> str:
    """What ``left`` more steps will take, by two that took ``seconds``; the first warms up, so it is the upper end."""
    low, high = (timedelta(seconds=round(left * value)) for value in (min(seconds) / _SPREAD, max(seconds) * _SPREAD))
    first, second = seconds
    return f"time: {low} to {high} for the other {left} steps, by the first two ({first:.2g} s and {second:.2g} s)"


class Pace(TrainerCallback):  # type: ignore[misc]
    """Says after two steps how long the others will take."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.perf_counter) -> None:
        self._progress = progress
        self._clock = clock
        self._ends: list[float] = []

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Begin to count."""
        self._ends = [self._clock()]

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Called after each step, its optimiser included."""
        if len(self._ends) > 2:
            return
        self._ends.append(self._clock())
        left = state.max_steps - state.global_step
        if len(self._ends) == 3 and left:
            begin, first, second = self._ends
            self._progress.say(forecast((first - begin, second - first), left))

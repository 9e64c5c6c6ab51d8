"""Rows with their question and their answer in columns of their own; Alpaca's instruction and input, too."""

from collections.abc import Mapping
from typing import Any

from rawtune.dataset.layout import Layout, Turn, Unreadable, as_it_was, items_of, text_of


class Columns(Layout):
    """The question in one column, the answer in another; in ``history``, if there is one, pairs of earlier turns."""

    shape = "columns"

    def __init__(self, question: str, answer: str, history: str = "", note: str = "") -> None:
        self.columns = (question, answer)
        self.history = history
        self.keys = tuple(filter(None, (question, answer, history)))
        self.note = note

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        return (*(self._past(row) if self.history else ()), self._last(row))

    def _last(self, row: Mapping[str, Any]) -> Turn:
        question, answer = self.columns
        return Turn(text_of(row, question), text_of(row, answer), question, answer)

    def _past(self, row: Mapping[str, Any]) -> list[Turn]:
        turns = []
        for at, pair in enumerate(items_of(row, self.history) if row.get(self.history) else ()):
            name = f"{self.history}[{at}]"
            if not is_pair(pair):
                raise Unreadable(f"'{name}' is not a pair of texts")
            turns.append(Turn(pair[0], pair[1], f"{name}[0]", f"{name}[1]"))
        return turns

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        past = self._past(row) if self.history else []
        if turn == len(past):
            return self._new_last(row, question, answer)
        pairs = list(items_of(row, self.history))
        old, pairs[turn] = pairs[turn], [question, answer]
        return {self.history: as_it_was(row[self.history], pairs)} if pairs[turn] != list(old) else {}

    def _new_last(self, row: Mapping[str, Any], question: str, answer: str) -> dict[str, Any]:
        return {self.columns[0]: question, self.columns[1]: answer}


class Alpaca(Columns):
    """Stanford Alpaca: the question is the instruction, on the next line its input; ``history`` as in LLaMA-Factory."""

    shape = "alpaca"

    def __init__(self, instruction: str, input: str, output: str, history: str = "") -> None:
        super().__init__(instruction, output, history)
        self.input = input
        self.keys = tuple(filter(None, (instruction, input, output, history)))

    def _last(self, row: Mapping[str, Any]) -> Turn:
        instruction, output = self.columns
        question, answer = text_of(row, instruction), text_of(row, output)
        more = None
        if extra := self._input(row):
            more = self.input, len(question) + 1
            question = f"{question}\n{extra}"
        return Turn(question, answer, instruction, output, more=more)

    def _input(self, row: Mapping[str, Any]) -> str:
        return text_of(row, self.input) if self.input and row.get(self.input) is not None else ""

    def _new_last(self, row: Mapping[str, Any], question: str, answer: str) -> dict[str, Any]:
        new = {self.columns[1]: answer}
        old, extra = row[self.columns[0]], self._input(row)
        if not extra:
            new[self.columns[0]] = question
        elif question.endswith(f"\n{extra}"):
            new[self.columns[0]] = question[: -len(extra) - 1]
        elif question.startswith(f"{old}\n"):
            new[self.input] = question[len(old) + 1 :]
        else:  # nobody can tell any more where the input begins; read back it is the same question
            new[self.columns[0]], new[self.input] = question, ""
        return new


def is_pair(value: Any) -> bool:
    """Whether it is an earlier turn: a question with its answer."""
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(text, str) for text in value)

"""Rows with their question and their answer in columns of their own; Alpaca's instruction and input, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from rawtune.dataset.layout import Layout, Turn, Unreadable, as_it_was, items_of, text_of


class Columns(Layout):
    """The question in one column, the answer in another."""

    shape = "columns"

    def __init__(self, question: str, answer: str, note: str = "") -> None:
        self.columns = self.keys = (question, answer)
        self.note = note

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        question, answer = self.columns
        return (Turn(text_of(row, question), text_of(row, answer), question, answer),)

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        return {self.columns[0]: question, self.columns[1]: answer}


class Alpaca(Layout):
    """Stanford Alpaca: the question is the instruction, on the next line its input; ``history`` as in LLaMA-Factory."""

    shape = "alpaca"

    def __init__(self, instruction: str, input: str, output: str, history: str = "") -> None:
        self.columns = (instruction, output)
        self.input = input
        self.history = history
        self.keys = tuple(filter(None, (instruction, input, output, history)))

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        instruction, output = self.columns
        question, answer = text_of(row, instruction), text_of(row, output)
        more = None
        if extra := self._input(row):
            more = self.input, len(question) + 1
            question = f"{question}\n{extra}"
        last = Turn(question, answer, instruction, output, more=more)
        return (*self._past(row), last) if self.history else (last,)

    def _input(self, row: Mapping[str, Any]) -> str:
        return text_of(row, self.input) if self.input and row.get(self.input) is not None else ""

    def _past(self, row: Mapping[str, Any]) -> list[Turn]:
        turns = []
        for at, pair in enumerate(items_of(row, self.history) if row.get(self.history) else ()):
            name = f"{self.history}[{at}]"
            if not isinstance(pair, Sequence) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
                raise Unreadable(f"'{name}' is not a pair of texts")
            turns.append(Turn(pair[0], pair[1], f"{name}[0]", f"{name}[1]"))
        return turns

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        past = self._past(row) if self.history else []
        if turn < len(past):
            pairs = list(items_of(row, self.history))
            pairs[turn] = [question, answer]
            return {self.history: as_it_was(row[self.history], pairs)} if pairs[turn] != row[self.history][turn] else {}
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

"""What training would give away of the test: held-out answers and questions that rows to train on hold, too."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from operator import attrgetter
from typing import NamedTuple

from rawtune.dataset.entry import Entry
from rawtune.errors import GateFailed
from rawtune.ledger.ledger import Ledger
from rawtune.records import Suite
from rawtune.verification.crossing import HeldOut, plain
from rawtune.verification.rule import Row

Asked = Callable[[Suite], Iterable[Entry]]

_OF_HELD_OUT = (Suite.CONCEPT, Suite.FOLLOW_UP)
"""Suites whose answers speak of passages that are never trained on."""
_SHOWN = 10
_LONGEST = 80
_REMEDY = (
    "where two passages say the same, leave one of them out of raw/; where an answer does not keep to its passage,"
    " change the prompt or the teacher; where a held-out template repeats a trained one, word it otherwise; where rows"
    " of one form rightly differ in little, ignore RT502 under verification"
)


class Leak(NamedTuple):
    """A held-out row, the training row that gives it away, and what both say."""

    held_out: Entry
    training: Entry
    said: str


def refuse(ledger: Ledger, compare_answers: bool = True) -> None:
    """Raise ``GateFailed`` if training gives anything of the test away, naming the pairs, the first ten of them."""
    if leaks := [*found(ledger.dataset_rows(), ledger.asked_rows, compare_answers)]:
        lines = [f"{len(leaks)} held-out questions are given away by rows to train on:", *map(_told, leaks[:_SHOWN])]
        if len(leaks) > _SHOWN:
            lines.append(f"  and {len(leaks) - _SHOWN} more")
        raise GateFailed("\n".join(lines), _REMEDY)


def found(training: Iterable[Entry], asked: Asked, compare_answers: bool = True) -> Iterator[Leak]:
    """What training holds of the test; ``training``, of which there may be millions, is read once.

    Of passages that are never trained on the answers, whole or to four fifths, as RT502 finds them, each once; of the
    phrasing suite the questions, punctuation, capitals and white space aside. Its answers are trained in other words,
    as they should be.
    """

    def untrained() -> Iterator[Entry]:
        return chain.from_iterable(map(asked, _OF_HELD_OUT))

    answers = HeldOut(Row(entry.question, entry.answer) for entry in untrained() if compare_answers)
    questions = {hash(plain(entry.question)) for entry in asked(Suite.PHRASING)}
    with_answer: dict[str, Entry] = {}
    with_question: dict[str, Entry] = {}
    if answers or questions:
        for answer, rows in groupby(training, key=attrgetter("answer")):
            first = next(rows)
            for held in answers.given_away(answer):
                with_answer.setdefault(held, first)
            for entry in chain([first], rows):
                if not entry.history and hash(text := plain(entry.question)) in questions:
                    with_question.setdefault(text, entry)
    if with_answer:
        for answer, rows in groupby(untrained(), key=attrgetter("answer")):
            if giver := with_answer.get(answer):
                yield Leak(next(rows), giver, answer)
    if with_question:
        for entry in asked(Suite.PHRASING):
            if giver := with_question.get(plain(entry.question)):
                yield Leak(entry, giver, entry.question)


def _told(leak: Leak) -> str:
    sides = (("held out", leak.held_out), ("trained", leak.training))
    lines = [
        f"  {name}: {entry.question} (row {entry.id}, {place.document}:{place.start}-{place.end})"
        for name, entry in sides
        for place in (entry.source,)
    ]
    said = leak.said if len(leak.said) <= _LONGEST else f"{leak.said[:_LONGEST]}…"
    return "\n".join([*lines, f"    both: {said}"])

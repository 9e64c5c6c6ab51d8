"""What training would give away of the test: held-out answers and questions that rows to train on hold, too."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from rawtune.dataset.entry import Entry
from rawtune.errors import GateFailed
from rawtune.ledger.ledger import Ledger
from rawtune.records import Split, Suite
from rawtune.verification.crossing import crossed, plain
from rawtune.verification.rule import Row

Rows = Callable[[], Iterable[Entry]]

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
    rows = ledger.dataset_rows, ledger.held_out_rows
    if leaks := [*(answers(*rows) if compare_answers else ()), *questions(*rows)]:
        lines = [f"{len(leaks)} held-out questions are given away by rows to train on:", *map(_told, leaks[:_SHOWN])]
        if len(leaks) > _SHOWN:
            lines.append(f"  and {len(leaks) - _SHOWN} more")
        raise GateFailed("\n".join(lines), _REMEDY)


def answers(training: Rows, held_out: Rows) -> Iterator[Leak]:
    """Answers of the concept suite that training holds, whole or to four fifths, as RT502 finds them; each once.

    The phrasing suite is left out: it asks in other words about answers that are trained.
    """

    def asked() -> Iterator[Entry]:
        return _answers(row for row in held_out() if row.source.suite == Suite.CONCEPT)

    def rows() -> Iterator[Row]:
        for split, entries in ((Split.TRAIN, _answers(training())), (Split.HELD_OUT, asked())):
            for number, entry in enumerate(entries):
                yield Row(entry.question, entry.answer, split=split.value, number=number)

    if found := crossed(rows):
        wanted = set(found.values())
        givers = {number: entry for number, entry in enumerate(_answers(training())) if number in wanted}
        for entry in asked():
            if entry.answer in found:
                yield Leak(entry, givers[found[entry.answer]], entry.answer)


def questions(training: Rows, held_out: Rows) -> Iterator[Leak]:
    """Questions of the phrasing suite that are trained, too, punctuation, capitals and white space aside."""

    def asked() -> Iterator[Entry]:
        return (row for row in held_out() if row.source.suite == Suite.PHRASING)

    held = {hash(plain(entry.question)) for entry in asked()}
    trained: dict[str, Entry] = {}
    for entry in training():
        if hash(text := plain(entry.question)) in held:
            trained.setdefault(text, entry)
    if trained:
        for entry in asked():
            if giver := trained.get(plain(entry.question)):
                yield Leak(entry, giver, entry.question)


def _answers(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The first of neighbouring rows with one answer."""
    return (next(same) for _, same in groupby(entries, key=attrgetter("answer")))


def _told(leak: Leak) -> str:
    sides = (("held out", leak.held_out), ("trained", leak.training))
    lines = [
        f"  {name}: {entry.question} (row {entry.id}, {place.document}:{place.start}-{place.end})"
        for name, entry in sides
        for place in (entry.source,)
    ]
    said = leak.said if len(leak.said) <= _LONGEST else f"{leak.said[:_LONGEST]}…"
    return "\n".join([*lines, f"    both: {said}"])

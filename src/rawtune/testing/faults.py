"""A seeded injector of faults: rows to rows of which some are broken, each with a label that says how.

It holds a check to what it promises: what it should find is known, and so is what it should leave alone.

    rows = [Sample("What is Meng?", "Meng is a spring at the foot of a mountain.", "Meng"), ...]
    for labelled in plant(rows, kinds=("cut-off", "mail"), seed=1):
        found = my_check(labelled.row.question, labelled.row.answer)
        assert bool(found) == bool(labelled.fault)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from rawtune.testing import fact_faults, form_faults, private_faults, row_faults
from rawtune.testing.fault import Fault, Field, Sample

__all__ = ["FAULTS", "KINDS", "Fault", "Labelled", "Sample", "plant"]

FAULTS: dict[str, Fault] = {
    fault.kind: fault for family in (form_faults, row_faults, fact_faults, private_faults) for fault in family.FAULTS
}
"""Every fault by its kind."""

KINDS = tuple(FAULTS)
"""The names of all kinds."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row and the truth about it.

    ``fault`` is the kind that was planted, empty for a clean row. A finding of any of ``codes`` has found it; findings
    of codes that begin like one of ``implies`` are no false alarm either.
    """

    row: Sample
    fault: str = ""
    codes: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()


def plant(rows: Sequence[Sample], kinds: Iterable[str] = KINDS, share: float = 0.3, seed: int = 0) -> list[Labelled]:
    """The rows in their order, a ``share`` of them with one fault each, the ``kinds`` as evenly as the rows allow.

    A kind that cannot be planted in a row (there is no number to change) gives way to another; where none can be, the
    row stays clean. The same rows, kinds, share and seed give the same result. The rows should be clean: what is wrong
    with them already has no label. Raises ``KeyError`` for an unknown kind.
    """
    faults = [FAULTS[kind] for kind in kinds]
    chance = Random(seed)  # noqa: S311
    field = Field(rows, chance)
    chosen = set(chance.sample(range(len(rows)), k=round(share * len(rows))))
    planted: Counter[str] = Counter()
    labelled = []
    for number, row in enumerate(rows):
        label = _broken(row, faults, field, planted) if number in chosen else None
        if label is None:
            label = Labelled(row)
            field.leave(row)
        labelled.append(label)
    return labelled


def _broken(row: Sample, faults: list[Fault], field: Field, planted: Counter[str]) -> Labelled | None:
    """The row with a fault of the kind that this language has the fewest of so far and that can be planted in it."""
    language = row.language
    field.chance.shuffle(faults)
    for fault in sorted(faults, key=lambda fault: planted[fault.kind + language]):
        broken = fault.plant(row, field)
        if broken is not None and broken != row:
            planted[fault.kind + language] += 1
            return Labelled(broken, fault.kind, fault.codes, fault.implies)
    return None

"""How varied the questions of a dataset are, by how many each row is trained with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log2
from typing import NamedTuple


class Diversity(NamedTuple):
    """Of all rows' first ``variants`` questions, their concepts masked."""

    variants: int
    templates: int
    """Different ones among them."""
    entropy: float
    """Shannon's, in bits: as varied as 2 to this power of templates that are used equally often."""
    coverage: float
    """Share of all families that a row's questions cover, on average."""


def diversity(rows: Sequence[Sequence[str]], families: Mapping[str, str]) -> list[Diversity]:
    """For 1, 2, 3, ... up to the longest row: the figures, were each row cut to so many questions.

    ``rows`` hold the templates of each row in the order in which they were drawn; ``families`` name each template's.
    """
    counts = Counter[str]()
    covered: list[set[str]] = [set() for _ in rows]
    table = []
    for number in range(max(map(len, rows), default=0)):
        for row, met in zip(rows, covered, strict=True):
            if len(row) > number:
                counts[row[number]] += 1
                met.add(families[row[number]])
        total = counts.total()
        entropy = sum(count / total * log2(total / count) for count in counts.values())
        coverage = sum(map(len, covered)) / (len(rows) * len(set(families.values())))
        table.append(Diversity(number + 1, len(counts), round(entropy, 2), round(coverage, 2)))
    return table

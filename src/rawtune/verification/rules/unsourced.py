"""RT200: rows of a file whose answer no passage of the source supports."""

from collections.abc import Iterator

from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.units import units


@rule("RT200", "no-passage", Scope.NO_PASSAGE)
def no_passage(row: Row, *, fewest: int = 12) -> Iterator[Spot]:
    """An answer for which no passage of the source was found, so that nothing of it could be compared.

    It was invented, or made from a text that was not given. Answers with fewer than ``fewest`` units of content
    (Chinese characters and their pairs, stems of words), such as "Yes, please.", are left alone.
    """
    if len(units(row.answer)) >= fewest:
        yield Spot("stands in no passage of the source", Column.ANSWER, 0, len(row.answer))

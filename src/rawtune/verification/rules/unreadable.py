"""RT100: what a file holds in the place of a row."""

from collections.abc import Iterator

from rawtune.verification.rule import Row, Scope, Spot, rule


@rule("RT100", "unreadable-row", Scope.READER)
def unreadable_row(_: Row, fault: str) -> Iterator[Spot]:
    """A row of the file that cannot be read: broken JSON, cells that are missing, a number where a text should be.

    It counts as a row, so that nothing vanishes, and no other rule can say anything of it.
    """
    yield Spot(f"cannot be read: {fault}", None, 0, 0)

"""Which passages are never trained on: decided once, by content, before anything is made from them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rawtune.records import Split, content_hash


def choose(
    new: Iterable[str],
    copies: Mapping[str, int],
    held: int,
    total: int,
    share: float,
    groups: Iterable[Sequence[str]] = (),
    frozen: Mapping[str, Split] | None = None,
) -> Iterator[str]:
    """Ids of those of the ``new`` texts that are held out: the ones with the smallest hash, until ``share`` is reached.

    ``held`` of the ``total`` passages are held out already. ``copies`` says of how many passages beside the first a
    text is also the text: they go together, or the test would leak. So do the texts of each of the ``groups``. New
    texts whose group has ``frozen`` ones go where these went, held out if they went both ways, whatever the share is.
    """
    wanted = round(share * total)
    frozen = frozen or {}
    alone = set(new)
    together: dict[str, Sequence[str]] = {}
    for group in groups:
        fresh = [id for id in group if id in alone]
        alone.difference_update(fresh)
        if gone := {frozen[id] for id in group if id in frozen}:
            if Split.HELD_OUT in gone:
                held += sum(1 + copies.get(id, 0) for id in fresh)
                yield from fresh
        elif fresh:
            together[min(fresh)] = fresh
    for id in sorted([*alone, *together], key=lambda id: content_hash(["held out", id])):
        members = together.get(id, (id,))
        size = sum(1 + copies.get(member, 0) for member in members)
        if held >= wanted:
            return
        if held + size <= wanted:
            held += size
            yield from members

"""Which passages are never trained on: decided once, by content, before anything is made from them."""

from collections.abc import Iterator, Mapping, Sequence

from rawtune.records import content_hash


def choose(new: Sequence[str], copies: Mapping[str, int], held: int, total: int, share: float) -> Iterator[str]:
    """Ids of those of the ``new`` texts that are held out: the ones with the smallest hash, until ``share`` is reached.

    ``held`` of the ``total`` passages are held out already. ``copies`` says of how many passages beside the first a
    text is also the text: they go together, or the test would leak.
    """
    wanted = round(share * total)
    for id in sorted(new, key=lambda id: content_hash(["held out", id])):
        if held >= wanted:
            return
        if held + 1 + copies.get(id, 0) <= wanted:
            held += 1 + copies.get(id, 0)
            yield id

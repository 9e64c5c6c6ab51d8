"""Which passages are never trained on: decided once, by content, before anything is made from them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rawtune.records import Passage, Split, content_hash


def assign(passages: Iterable[Passage], frozen: Mapping[str, Split], share: float) -> list[Passage]:
    """Give every passage its split.

    A passage in ``frozen`` keeps what it once was given. Of the new ones, those with the smallest hash are held out
    until ``share`` of all is reached. Passages of equal text go together, or the test would leak.
    """
    passages = list(passages)
    wanted = round(share * len(passages))
    texts: dict[str, Split] = {p.text: frozen[p.id] for p in passages if p.id in frozen}
    held = sum(texts.get(p.text) is Split.HELD_OUT for p in passages)
    copies: dict[str, int] = {}
    for passage in passages:
        copies[passage.text] = copies.get(passage.text, 0) + 1
    for text in sorted(
        (text for text in copies if text not in texts), key=lambda text: content_hash(["held out", text])
    ):
        if held + copies[text] <= wanted:
            texts[text] = Split.HELD_OUT
            held += copies[text]
        else:
            texts[text] = Split.TRAIN
    return [replace(p, split=texts[p.text]) for p in passages]

"""Which answers recite training texts word for word, and whether they recite the right one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rawtune.records import Answer, told

RUN = {"zh": 30, "en": 60}
"""Characters in a row that count as recited. Thirty of English are five words, and were mostly a set phrase around one
changed word when tried on real answers; from sixty on they were sentences."""
FORM = 5  # passages in which a run is form (a heading, a set phrase), not content


@dataclass(frozen=True, slots=True)
class Recitation:
    """The longest runs, in characters, that an answer shares with training texts; 0 for those that are too short.

    ``longest``: with any of them. ``share``: that, over the answer's length. ``wrong``: with a text of another passage,
    counting only what neither the answer's own passage, nor its reference, nor its question has. ``passage_id``: one
    passage where such a run stands.
    """

    longest: int
    share: float
    wrong: int
    passage_id: str


def recitations(answers: Sequence[Answer], trained: Mapping[str, Sequence[str]], language: str) -> list[Recitation]:
    """What each answer recites, in order; ``trained`` holds each passage's texts under its id.

    White space counts as one blank. Runs that stand in ``FORM`` passages or more are never wrong: they are the form
    that all answers were taught. Five million characters of training text take a few seconds.
    """
    run = RUN[language]
    texts = [_plain(answer.text) for answer in answers]
    # The answers are the smaller side: their runs are remembered. Every run holds a whole block of half its length, so
    # that of the training texts only every such block has to be looked up.
    homes: dict[str, set[str]] = {piece: set() for text in texts for piece in _pieces(text, run)}
    blocks = {piece for text in texts for piece in _pieces(text, run // 2)}
    for passage_id, own in trained.items():
        for text in dict.fromkeys(map(_plain, own)):
            for piece in _near(text, blocks, run):
                if piece in homes:
                    homes[piece].add(passage_id)
    return [_recitation(answer, text, homes, run) for answer, text in zip(answers, texts, strict=True)]


def _recitation(answer: Answer, text: str, homes: Mapping[str, set[str]], run: int) -> Recitation:
    given = {
        piece
        for own in (answer.reference, answer.question, told(answer.history))
        for piece in _pieces(_plain(own), run)
    }
    pieces = list(_pieces(text, run))
    wrong = [0 < len(homes[p]) < FORM and answer.passage_id not in homes[p] and p not in given for p in pieces]
    first = min(homes[pieces[wrong.index(True)]]) if True in wrong else ""
    longest = _longest([bool(homes[piece]) for piece in pieces], run)
    return Recitation(longest, longest / len(text) if text else 0.0, _longest(wrong, run), first)


def _longest(hits: Sequence[bool], run: int) -> int:
    """Characters of the longest series of runs, each beginning one character after the other."""
    best = series = 0
    for hit in hits:
        series = series + 1 if hit else 0
        best = max(best, series)
    return best + run - 1 if best else 0


def _pieces(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(len(text) - length + 1))


def _near(text: str, blocks: set[str], run: int) -> Iterator[str]:
    """The runs of ``text`` around those of its blocks that are in ``blocks``."""
    block = run // 2
    for at in range(0, len(text) - block + 1, block):
        if text[at : at + block] in blocks:
            for start in range(max(0, at + block - run), min(at, len(text) - run) + 1):
                yield text[start : start + run]


def _plain(text: str) -> str:
    return " ".join(text.split())

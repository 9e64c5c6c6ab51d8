"""Which sentences of a passage its answer leaves out: whether late sentences count as much as early ones."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_BIGRAM = re.compile(rf"(?=([{_CJK}]{{2}}))")
_WORD = re.compile(rf"[^\W_{_CJK}][^\W_{_CJK}]*")  # not "+", which re cannot search for so fast
_CLOSED = re.compile(r"[。！？.!?…][\"'”’」』）)\]】》]*$")

# Calibrated on the two packaged corpora, with paraphrases of their sentences (12 Chinese and 12 English ones in the
# tests, 10 looser of each beside). Of the sentences that an answer takes up, the found shares were 0.26-0.57 and
# 0.34-0.82, in the looser ones 0.08-0.37 and 0.20-0.73; of the others at most 0.07 and 0.19, but for English sentences
# that repeat one another. A bigram survives a paraphrase only if both of its characters do, so it takes fewer of them.
_BIGRAM_SHARE = 0.1
_WORD_SHARE = 0.25

_SHORTEST = 4
_STEM = 5
"""Letters: shorter words are mostly function words, and of others the stem is enough ("begins", "beginner")."""


def undrawn(sentences: Sequence[str], answer: str) -> list[int]:
    """Indexes of those of a passage's ``sentences``, given in order, that ``answer`` does not draw on.

    A sentence counts as drawn on when enough of its content occurs in the answer: bigrams of Chinese, Japanese and
    Korean characters; of alphabetic text the stems of words of four and more letters, and numbers. A unit weighs
    1 / n² if n sentences of the passage hold it, so that the passage's subject and function words hardly count.
    Never reported: a heading, which is a first sentence without closing punctuation, and one without such units.

    It measures wording and proves nothing. A free paraphrase, a translation or the other Chinese script is taken for
    undrawn; a sentence that only repeats what a drawn one says, or denies it, is taken for drawn on.
    """
    held = [_units(sentence) for sentence in sentences]
    if held and not _CLOSED.search(sentences[0].rstrip()):
        held[0] = (set(), 0)
    holders = Counter(chain.from_iterable(units for units, _ in held))
    shared = {unit for unit, n in holders.items() if n > 1}
    said, _ = _units(answer)

    def weight(units: set[str]) -> float:
        repeated = units & shared
        return len(units) - len(repeated) + sum([1 / holders[unit] ** 2 for unit in repeated])

    return [index for index, (units, share) in enumerate(held) if weight(units & said) < share * weight(units)]


def _units(text: str) -> tuple[set[str], float]:
    """The units of content in ``text``, and the share of them that an answer needs to draw on it."""
    units = set(_BIGRAM.findall(text))
    bigrams = len(units)
    for word in _WORD.findall(text.lower()):
        if not word.isalpha():
            units.add(word)
        elif len(word) >= _SHORTEST:
            units.add(word[:_STEM])
    words = len(units) - bigrams
    return units, (bigrams * _BIGRAM_SHARE + words * _WORD_SHARE) / max(1, len(units))

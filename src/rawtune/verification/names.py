"""Names that an answer brings along: titles, quotations and capitalised words that stand nowhere in what is known."""

import re
from collections.abc import Iterator

from rawtune.verification.units import CJK, units
from rawtune.verification.weights import Weights

_TITLE = re.compile(r"《([^《》\n]{1,60})》")
_QUOTE = re.compile(r"[“「『]([^“”「」『』\n]{8,120})[”」』]|\"([^\"\n]{15,200})\"")
_CAPITAL = re.compile(r"[A-Z](?<![A-Za-z\d].)(?<![A-Za-z\d][-'’.].)[A-Za-zÀ-ÿ\d]+(?:[-'’&][A-Za-zÀ-ÿ\d]+)*")
_OPENS = frozenset("\n.!?。！？：:“\"「『‘'(（[*#-–—•>|")
_WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_NO_NAMES = "I I'm I'll I've OK TV AM PM Mr Mrs Ms Dr Yes No Not And Or The A An If ID App APP PC Note Tip Step"
_ORDINARY = frozenset((*_WEEK.split(), *_NO_NAMES.split()))


def strange(answer: str, known: str, weights: Weights) -> Iterator[tuple[int, int]]:
    """Where the answer holds a name that ``known``, which is in lower case, does not."""
    if "《" in answer:
        for match in _TITLE.finditer(answer):
            if match[1].lower() not in known and not all(part in known for part in re.split(r"[·•：:—\s]+", match[1])):
                yield match.span()
    if any(mark in answer for mark in '“「『"'):
        held: set[str] = set()
        for match in _QUOTE.finditer(answer):
            said = match[1] or match[2]
            if said.lower() in known:
                continue
            held = held or units(known)
            if weights.containment(units(said), held) < 0.5:
                yield match.span()
    chinese = not answer.isascii() and re.search(rf"[{CJK}]", answer) is not None
    for match in _CAPITAL.finditer(answer):
        word, start = match.group(), match.start()
        if word in _ORDINARY or (not chinese and _opens(answer, start)) or _is_known(word.lower(), known):
            continue
        yield match.span()


def _opens(text: str, at: int) -> bool:
    """Whether a sentence, a quotation or an item begins at this place, or most words around it are capitalised."""
    before = text[max(0, at - 40) : at].rstrip(" \t")
    if not before or before[-1] in _OPENS:
        return True
    beside = _WORDS.findall(text[max(0, at - 40) : at + 40])[1:-1]
    return 2 * len([word for word in beside if word[0].isupper()]) > len(beside) + 2


_WORDS = re.compile(r"[A-Za-z]+")


def _is_known(word: str, known: str) -> bool:
    """Whether the word occurs, or another form of it: Swiss for Switzerland, HR for human resources."""
    word = re.sub(r"['’]s?$", "", word)
    if word in known or (len(word) > 4 and word[: max(4, len(word) - 3)] in known):
        return True
    if len(word) <= 5 and word.isalpha():
        return re.search(r"[ -]".join(rf"\b{letter}\w+" for letter in word), known) is not None
    return all(part in known for part in re.split(r"[-'’&]", word))

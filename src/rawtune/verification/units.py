"""What texts are compared by, whatever their script."""

import re
from operator import add

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Characters of Chinese, Japanese and Korean, as the inside of a character class."""

_RUN = re.compile(rf"[{CJK}]+")
_WORD = re.compile(rf"[^\W_{CJK}]{{3,}}")
_STEM = 5
_FUNCTION_WORDS = (
    "the and are was were been has had have did does not but for nor its his her him our your their they them this that"
    " these those with from into onto than then who whom which what when where will would shall should can could may"
    " might must you she all any such"
)
_EMPTY = frozenset(_FUNCTION_WORDS.split())


def units(text: str) -> set[str]:
    """What texts are compared by: CJK characters and pairs of neighbours, and stems of words of three and more letters.

    A stem is a word's first five letters in lower case; English function words are left out.
    """
    return characters(text) | stems(text)


def characters(text: str) -> set[str]:
    """CJK characters and pairs of neighbours."""
    runs = _RUN.findall(text)
    if not runs:
        return set()
    joined = "\n".join(runs)
    found = set(map(add, joined, joined[1:]))
    found.difference_update([run[-1] + "\n" for run in runs], ["\n" + run[0] for run in runs])
    found.update(joined)
    found.discard("\n")
    return found


def stems(text: str) -> set[str]:
    """The first letters of words, in lower case; English function words are left out."""
    return {word[:_STEM] for word in _WORD.findall(text.lower()) if word not in _EMPTY}

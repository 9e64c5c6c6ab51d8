"""Text of models, teachers and files, made fit for a terminal: none of its characters can give it orders."""

import unicodedata
from collections.abc import Mapping

LINES: Mapping[str, str] = {"\n": "\n", "\t": "\t"}
"""Line ends and tabs stay."""
ONE_LINE: Mapping[str, str] = dict.fromkeys("\n\r\t", " ")
"""They become spaces: for text that must not pass for a line of ours."""
_HARMLESS = frozenset("\u200c\u200d")
"""Joiners, without which some scripts and emoji cannot be written."""


def printable(text: str, layout: Mapping[str, str] = LINES) -> str:
    r"""``text`` with the codes of its control and format characters in their place; ``layout`` has its own for some.

    Those are Unicode's categories Cc and Cf, halves of surrogate pairs (Cs), and ends of lines that are none (Zl, Zp):
    escapes, and marks that hide or reorder what stands beside them. Codes are written as Python escapes them.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    return "".join(layout.get(sign) or (ascii(sign)[1:-1] if _is_order(sign) else sign) for sign in text)


def _is_order(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in _HARMLESS

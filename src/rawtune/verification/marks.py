"""Marks in a side file: findings that a person looked at and accepts, as ``# noqa`` does in code.

A line names a row and codes, and may say why: ``3f2a91c04b7de815 RT106, RT402  # the poem ends so``. The row is named
by a hash of its texts, so that a mark never slips to another row; a row that is changed is judged anew.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from rawtune.errors import ConfigError
from rawtune.records import content_hash

ENDING = ".noqa"
PROJECT = "rawtune" + ENDING
"""The side file of a project's rows, in its folder."""
_LINE = re.compile(r"(?P<id>[0-9a-f]{16})\s+(?P<codes>RT\d{3}(?:[,\s]+RT\d{3})*)\s*(?:#.*)?")


class Marks:
    """Codes accepted, by row."""

    def __init__(self, codes: Mapping[str, Iterable[str]] | None = None) -> None:
        self._codes: defaultdict[str, set[str]] = defaultdict(set)
        for row, accepted in (codes or {}).items():
            self._codes[row].update(accepted)
        self._used: set[str] = set()

    def accepted(self, row: str) -> frozenset[str]:
        """The codes that are accepted of a row."""
        if row not in self._codes:
            return frozenset()
        self._used.add(row)
        return frozenset(self._codes[row])

    @property
    def unused(self) -> int:
        """Rows marked that were not asked about: they changed, went, or have no finding any more."""
        return len(self._codes) - len(self._used)


def beside(path: Path) -> Path:
    """The side file of a file, or folder, of rows."""
    path = path if path.name.strip(".") else path.resolve()  # . and .. have no name to add to
    return path.with_name(path.name + ENDING)


def row_id(*texts: str) -> str:
    """The name of a row in marks: a hash of all its questions and answers."""
    # A text may hold half a character, which no UTF-8 can.
    return content_hash([text.encode("utf-8", "backslashreplace").decode() for text in texts])


def read(path: Path) -> Marks:
    """The marks of a side file; none if there is no such file. Raises ``ConfigError`` naming each line that is none."""
    if not path.exists():
        return Marks()
    codes: defaultdict[str, set[str]] = defaultdict(set)
    faults = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := _LINE.fullmatch(line.strip()):
            codes[match["id"]].update(re.findall(r"RT\d{3}", match["codes"]))
        else:
            faults.append(f"{path}:{number}: no mark: {line.strip()[:80]}")
    if faults:
        raise ConfigError("\n".join(faults), "a mark is a row's id and codes: 3f2a91c04b7de815 RT106  # why")
    return Marks(codes)


def line(row: str, codes: Iterable[str], question: str) -> str:
    """A mark as a line of the side file, the question behind it so that a person knows the row again."""
    return f"{row} {', '.join(sorted(set(codes)))}  # {' '.join(question.split())[:60]}\n"

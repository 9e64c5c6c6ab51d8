"""What is read from a reply before it is judged: keys with their values, mendings, faults."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rawtune.records import Finding

_MARKS = " \t\r\n*`#\"'“”‘’「」【】"
"""What teachers put around a key."""


@dataclass(slots=True)
class Reading:
    """Key and value pairs in the order in which they stand, with what was noticed on the way.

    ``closed`` says that the reply shows where its answer ends.
    """

    columns: tuple[str, str]
    pairs: list[tuple[str, Any]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    closed: bool = False

    def fault(self, code: str, message: str) -> None:
        """Note why the reply cannot be used, in words that the teacher is told."""
        self.faults.append(Finding(code, message))

    def column(self, key: str) -> str | None:
        """The column that a key means, whatever its case, width, and marks around it; None for any other key."""
        return key if key in self.columns else _folded_columns(self.columns).get(_folded(key))


@lru_cache(maxsize=16)
def _folded_columns(columns: tuple[str, str]) -> Mapping[str, str]:
    return {_folded(column): column for column in columns}


@lru_cache(maxsize=256)
def _folded(key: str) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", key[:60]).strip(_MARKS)).casefold()

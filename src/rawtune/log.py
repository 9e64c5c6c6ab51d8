"""A project's log: what happened and when, one JSON object a line. It holds no text of passages or replies, no keys."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

_BUFFERED = 1.0
"""Seconds for which lines are gathered: thousands may come in one."""


class Log:
    """Appends to ``path``; a line is on the disk at the next one that comes a second later, or after ``flush``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._flushed = time.monotonic()

    def write(self, event: str, **fields: Any) -> None:
        """Note an event."""
        line = {"time": datetime.now(UTC), "event": event, **fields}
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if time.monotonic() - self._flushed >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Bring what is buffered to the disk."""
        self._flushed = time.monotonic()
        if self._lines:
            lines, self._lines = self._lines, []
            with self._path.open("ab") as file:
                file.writelines(lines)

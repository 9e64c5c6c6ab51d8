"""A project's log: what happened and when, one JSON object a line. It holds no text of passages or replies, no keys."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import to_json

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
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(to_json({"time": now, "event": event, **fields}) + b"\n")
        if time.monotonic() - self._flushed >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Bring what is buffered to the disk."""
        self._flushed = time.monotonic()
        if self._lines:
            lines, self._lines = self._lines, []
            with self._path.open("ab") as file:
                file.writelines(lines)

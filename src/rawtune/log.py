"""A project's log: what happened and when, one JSON object a line. It holds no text of passages or replies, no keys."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import to_json


class Log:
    """Appends to ``path``; lines are buffered, and on the disk after ``flush``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []

    def write(self, event: str, **fields: Any) -> None:
        """Note an event."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(to_json({"time": now, "event": event, **fields}) + b"\n")
        if len(self._lines) >= 1_000:
            self.flush()

    def flush(self) -> None:
        """Bring what is buffered to the disk."""
        if self._lines:
            lines, self._lines = self._lines, []
            with self._path.open("ab") as file:
                file.writelines(lines)

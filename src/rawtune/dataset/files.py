"""A dataset's CSV read back, and files that appear when they are whole."""

import csv
import errno
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rawtune.errors import RawTextError, StorageFull, UsageError
from rawtune.records import History, Row


def read(path: Path, columns: tuple[str, str]) -> list[Row]:
    """The rows of a CSV that has these two columns, and ``history`` where rows have earlier turns.

    Raises ``RawTextError`` naming the line of a row that is short of a value.
    """
    rows: list[Row] = []
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise RawTextError(f"{path}: {error.strerror}", "make the dataset with: rawtune export") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RawTextError(f"{path}:{line}: not UTF-8 (byte {error.start})", "save the file as CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if missing := [name for name in columns if name not in (reader.fieldnames or [])]:
            raise RawTextError(
                f"{path}:1: has no column {' or '.join(missing)}; found: {', '.join(reader.fieldnames or [])}",
                "name the columns in rawtune.yaml: columns: [question, answer]",
            )
        for record in reader:
            question, answer = (record[name] for name in columns)
            if not question or not answer:
                raise RawTextError(f"{path}:{reader.line_num}: an empty value", "fill it, or remove the row")
            try:
                rows.append(Row(question, answer, _turns(record.get("history") or "[]")))
            except ValueError:
                raise RawTextError(
                    f"{path}:{reader.line_num}: 'history' is no JSON list of pairs of a question and its answer",
                    'write earlier turns as [["question", "answer"]], or leave the cell empty',
                ) from None
    except csv.Error as error:
        hint = 'mend the quotes: a value with a comma, a line end or " in it stands in quotes, every inner " doubled'
        raise RawTextError(f"{path}:{reader.line_num + 1}: in the row that begins here: {error}", hint) from error
    return rows


def _turns(text: str) -> History:
    """Earlier turns from their JSON; raises ``ValueError``."""
    turns = json.loads(text)
    if not isinstance(turns, list) or not all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(said, str) and said for said in turn)
        for turn in turns
    ):
        raise ValueError("not pairs")
    return tuple((question, answer) for question, answer in turns)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_BUFFER = 2**20
"""Bytes written at once: with Python's own 8 KB a dataset of a million rows takes tens of thousands of calls."""


@contextmanager
def replacing(path: Path, encoding: str | None = None, like: Path | None = None) -> Iterator[IO[Any]]:
    """A file, of text in ``encoding`` or else of bytes, that appears under its name only when whole and on the disk.

    It has the permissions of the file that it replaces; where there is none, those of ``like``. Raises ``StorageFull``,
    or ``UsageError`` if the folder cannot be written to or ``path`` is a device, a pipe or a folder. Whatever else is
    raised within leaves no file.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is not a regular file", "name another file")
        model = path if path.exists() else like
        partial.unlink(missing_ok=True)  # one that was left behind may be read-only
        with partial.open("x" if encoding else "xb", _BUFFER, encoding, newline="" if encoding else None) as file:
            if model:  # before anything is in it that others may not read
                partial.chmod(stat.S_IMODE(model.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"{path}: {error.strerror}", "free some space, then run the same command again"
            ) from error
        raise UsageError(f"{path}: {error.strerror}", "make the folder writable") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise

"""A dataset on disk: an immutable CSV, its held-out questions, and a manifest that is written last.

A manifest therefore means that the dataset is whole.
"""

import csv
import errno
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from rawtune.errors import RawTextError, StorageFull, UsageError
from rawtune.records import Example

MANIFEST = ".manifest.json"


class Row(NamedTuple):
    """One question with its answer."""

    question: str
    answer: str


def write(
    folder: Path,
    stem: str,
    columns: tuple[str, str],
    train: Sequence[Example],
    held_out: Sequence[Example],
    facts: dict[str, Any],
) -> Path:
    """Write ``stem.csv`` (to train on), ``stem.held_out.csv`` (to ask, with its suite), a manifest; the CSV's path.

    UTF-8 with a byte-order mark, so that spreadsheets show Chinese; one header. ``facts`` join the counts and hashes in
    the manifest. Each file is written under a temporary name and renamed. Raises ``StorageFull``, or ``UsageError`` if
    the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, asked = folder / f"{stem}.csv", folder / f"{stem}.held_out.csv"
    _write_csv(path, columns, ((row.question, row.answer) for row in train))
    _write_csv(asked, (*columns, "suite"), ((row.question, row.answer, row.suite or "") for row in held_out))
    manifest = {
        "file": path.name,
        "columns": columns,
        "rows": len(train),
        "distinct_answers": len({row.answer for row in train}),
        "held_out_rows": len(held_out),
        "sha256": sha256(path),
        "held_out_sha256": sha256(asked),
        **facts,
    }
    with replacing(folder / f"{stem}{MANIFEST}", "utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=2)
        file.write("\n")
    return path


def read(path: Path, columns: tuple[str, str]) -> list[Row]:
    """The rows of a CSV that has these two columns.

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
            rows.append(Row(question, answer))
    except csv.Error as error:
        hint = 'mend the quotes: a value with a comma, a line end or " in it stands in quotes, every inner " doubled'
        raise RawTextError(f"{path}:{reader.line_num + 1}: in the row that begins here: {error}", hint) from error
    return rows


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with replacing(path, "utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


@contextmanager
def replacing(path: Path, encoding: str | None = None) -> Iterator[IO[Any]]:
    """A file, of text in ``encoding`` or else of bytes, that appears under its name only when whole and on the disk.

    Raises ``StorageFull``, or ``UsageError`` if the folder cannot be written to. Whatever else is raised within leaves
    no file.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w" if encoding else "wb", encoding=encoding, newline="" if encoding else None) as file:
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

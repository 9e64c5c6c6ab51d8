"""Any file of SFT rows, opened: which format it has, by its name and how it begins."""

import json
from pathlib import Path
from typing import Any

from rawtune.dataset import json_array
from rawtune.dataset.arrow import open_arrow, open_parquet
from rawtune.dataset.folder import open_folder
from rawtune.dataset.json_lines import open_json_lines
from rawtune.dataset.json_scan import ARRAYS
from rawtune.dataset.rows import Rows
from rawtune.dataset.shapes import CHATS
from rawtune.dataset.tabular import open_table
from rawtune.dataset.text import detect
from rawtune.errors import RawTextError

_HEAD = 1 << 22  # characters; a longer first line is not looked at as a whole


def open_rows(path: Path, columns: tuple[str, str] | None = None) -> Rows:
    """The rows of a file or dataset folder; ``columns`` name question and answer where they are not recognised.

    Faults of single rows are told by the records. Raises ``RawTextError`` if the whole cannot be used, and
    ``MissingDependency`` if Parquet or Arrow needs a library that is not there.
    """
    if path.is_dir():
        return open_folder(path, lambda file: open_rows(file, columns))
    if not path.is_file():
        raise RawTextError(f"{path}: no such file", "name a file of rows, or a dataset folder")
    if not path.stat().st_size:
        raise RawTextError(f"{path}: is empty", "name a file with rows")
    return _open(path, columns)


def _open(path: Path, columns: tuple[str, str] | None) -> Rows:
    ending = path.suffix.lower()
    start = _start(path)
    if start.startswith(b"PAR1") or ending in (".parquet", ".pq"):
        return open_parquet(path, columns)
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")) or ending in (".arrow", ".feather"):
        return open_arrow(path, columns)
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh")):
        raise RawTextError(f"{path}: is packed", "unpack it first; of a workbook, save the sheet as CSV")
    if ending in (".csv", ".tsv", ".tab"):
        return open_table(path, columns, ",;\t|" if ending == ".csv" else "\t,;|")
    if ending in (".jsonl", ".ndjson", ".jsonlines", ".json") or _begins(path) in ("{", "["):
        lines = _has_lines(path, ending != ".json")
        return open_json_lines(path, columns) if lines else json_array.open_json(path, columns)
    return open_table(path, columns, "\t,;|")


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise RawTextError(f"{path}: {error.strerror}", "name a file that you may read") from error


def _begins(path: Path) -> str:
    with detect(path).open(path) as file:
        return file.read(64).lstrip()[:1]


def _has_lines(path: Path, named_so: bool) -> bool:
    """Whether a file of JSON has one object a line, whatever it is called."""
    with detect(path).open(path) as file:
        first = next((line for line in iter(lambda: file.readline(_HEAD), "") if not line.isspace()), "")
        more = any(not line.isspace() for line in iter(lambda: file.readline(_HEAD), ""))
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return named_so and first.strip() != "{" and not first.lstrip().startswith("[")
    if isinstance(value, dict):
        return named_so or more or not _holds_rows(value)
    return more and named_so


def _holds_rows(value: dict[str, Any]) -> bool:
    """Whether an object is a whole file rather than a row, whose lists of objects are messages."""
    lists = [
        key.lower() for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)
    ]
    return any(key in ARRAYS for key in lists) or (bool(lists) and not any(key in CHATS for key in lists))

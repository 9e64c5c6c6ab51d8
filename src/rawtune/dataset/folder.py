"""A folder of files with rows: saved by the datasets library, or laid out as on the Hugging Face hub."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rawtune.dataset.json_scan import SPLITS
from rawtune.dataset.rows import Record, Rows, Writer
from rawtune.errors import RawTextError, UsageError

_KINDS = (".arrow", ".parquet", ".jsonl", ".json", ".csv", ".tsv")
_ABOUT = frozenset(("dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"))
_WORDS = re.compile(r"[^\W\d_]+")


class FolderRows(Rows):
    """The rows of a folder's files, one file after the other; ``file`` of a record says which."""

    format = "hf"

    def __init__(self, path: Path, parts: Mapping[str, Rows]) -> None:
        first = next(iter(parts.values()))
        super().__init__(
            path, first.layout, "; ".join(dict.fromkeys(part.note for part in parts.values() if part.note))
        )
        self._parts = parts

    @property
    def size(self) -> int:
        """Of the files with rows, in bytes."""
        return sum(part.size for part in self._parts.values())

    @property
    def position(self) -> int:
        """How many of ``size`` bytes the latest iteration has read, about."""
        return sum(part.position for part in self._parts.values())

    def __iter__(self) -> Iterator[Record]:
        number = 0
        for name, part in self._parts.items():
            split = _split(name)
            for record in part:
                number += 1
                yield record._replace(number=number, file=name, split=record.split or split)

    def replace_texts(self, record: Record, turn: int, question: str, answer: str) -> Record:
        """``record`` with other texts in one of its turns; all else stays as it was."""
        return self._parts[record.file].replace_texts(record, turn, question, answer)

    @contextmanager
    def writer(self, path: Path) -> Iterator["FolderWriter"]:
        """Write files of the same names, with the other files of the folder, into a folder that appears when whole."""
        partial, old = (path.with_name(path.name + end) for end in (".partial", ".old"))
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            self._copy_others(partial)
            with ExitStack() as stack:
                yield FolderWriter({n: stack.enter_context(p.writer(partial / n)) for n, p in self._parts.items()})
            shutil.copymode(self.path, partial)
            if path.exists():
                path.replace(old)
            partial.replace(path)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", "make the folder writable") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _copy_others(self, target: Path) -> None:
        for file in sorted(self.path.rglob("*")):
            name = file.relative_to(self.path)
            if file.is_file() and not _is_hidden(name):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                if name.as_posix() not in self._parts:
                    shutil.copy(file, target / name)


class FolderWriter:
    """Writes each record to the file it came from."""

    def __init__(self, writers: Mapping[str, Writer]) -> None:
        self._writers = writers

    def write(self, record: Record) -> None:
        """Write one record as it was read, but for texts that were replaced."""
        self._writers[record.file].write(record)


def open_folder(path: Path, open_file: Callable[[Path], Rows]) -> FolderRows:
    """The rows of all files of the first of these kinds that the folder has: Arrow, Parquet, JSONL, JSON, CSV, TSV.

    Raises ``RawTextError`` if it has none, or one of them cannot be read.
    """
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_hidden(file.relative_to(path))]
    data = [file for file in files if file.name not in _ABOUT and not file.name.startswith("cache-")]
    kinds = [kind for kind in _KINDS if any(file.suffix.lower() == kind for file in data)]
    if not kinds:
        raise RawTextError(
            f"{path}: a folder without rows; looked for {', '.join('*' + kind for kind in _KINDS)}",
            "name a file, or a folder saved by the datasets library or laid out as on the Hugging Face hub",
        )
    if len(kinds) > 1:
        raise RawTextError(
            f"{path}: holds files of several kinds: {', '.join('*' + kind for kind in kinds)}", "name one of the files"
        )
    chosen = [file for file in data if file.suffix.lower() == kinds[0]]
    filled = [file for file in chosen if file.stat().st_size] or chosen[:1]
    names = {file.relative_to(path).as_posix(): file for file in filled}
    training_first = sorted(names, key=lambda name: (not _split(name).lower().startswith("train"), name))
    return FolderRows(path, {name: open_file(names[name]) for name in training_first})


def _split(name: str) -> str:
    """The split that the file's name tells, else the nearest folder's."""
    for part in reversed(Path(name).parts):
        for word in _WORDS.findall(part):
            if word.lower() in SPLITS:
                return str(word)
    return ""


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)

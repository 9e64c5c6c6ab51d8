"""Plain text files: UTF-8, with or without a byte-order mark, any line ends."""

import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rawtune.errors import RawTextError
from rawtune.records import Document

PATTERN = "raw/*.txt"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_BEGINNING = 100_000
"""Characters of a file that tell its language."""


def files(folder: Path) -> list[Path]:
    """The raw files of a project, in the order in which they are read."""
    return sorted(path for path in folder.glob(PATTERN) if path.is_file())


def ignored(folder: Path) -> list[str]:
    """Names of what else lies in raw/: other kinds of files, and folders."""
    read_ones = set(files(folder))
    return sorted(path.name for path in (folder / "raw").glob("*") if path not in read_ones)


def read(folder: Path, paths: Sequence[Path] | None = None) -> Iterator[Document]:
    """Decode the raw files of the project in ``folder``, or ``paths`` within it, one at a time.

    Raises ``RawTextError`` if there is none, or, after the last, listing every file that is empty or not UTF-8.
    """
    paths = files(folder) if paths is None else paths
    if not paths:
        raise RawTextError(
            f"no raw text: {folder / 'raw'} holds no .txt file",
            "put your text there as UTF-8, samples separated by blank lines; if you have rows only, and no text"
            " that they were made from: rawtune import FILE --add-raw",
        )
    faults = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            faults.append(f"{name}:{line}: not UTF-8 (byte {error.start} of {len(data)}); {_remedy(name, data)}")
            continue
        if "\x00" in text:
            line = data.count(b"\n", 0, data.find(0)) + 1
            faults.append(f"{name}:{line}: holds NUL characters, so it is no plain text; {_remedy(name, data)}")
        elif not text.strip():
            faults.append(f"{name}: is empty; fill it, or remove it")
        else:
            yield Document(name, hashlib.sha256(data).hexdigest(), text)
    if faults:
        raise RawTextError("\n".join(faults), "mend the files named; nothing was changed")


def language(folder: Path) -> str:
    """``zh`` if at least a tenth of the characters of some raw file are Chinese, else ``en``; empty if there is none.

    Of each file the beginning is looked at; bytes that are no UTF-8 do not count.
    """
    found = ""
    for path in files(folder):
        with path.open(encoding="utf-8", errors="ignore") as file:
            text = file.read(_BEGINNING)
        if len(_CHINESE.findall(text)) > 0.1 * len(text):
            return "zh"
        found = "en"
    return found


def _remedy(name: str, data: bytes) -> str:
    """The command that would mend the file, if one of the usual encodings fits it whole."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        candidates = ["utf-16"]
    elif b"\x00" in data:
        candidates = ["utf-16le" if data.find(0) % 2 else "utf-16be"]
    else:
        candidates = ["gb18030", "big5"]
    for encoding in candidates:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return f"if it is {encoding.upper()}: iconv -f {encoding.upper()} -t UTF-8 {shlex.quote(name)} > new.txt"
    return "save it as UTF-8 in your editor"

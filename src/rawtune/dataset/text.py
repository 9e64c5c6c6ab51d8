"""Text files in whatever encoding they came, so that what is not changed goes back byte for byte.

Bytes that the encoding does not know become the lone surrogates U+DC00 + byte, as in PEP 383, but for all bytes and all
encodings: a row with such bytes is seen to be faulty, and still has its bytes.
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rawtune.errors import RawTextError

_MARKS = (  # the longer first, as UTF-16's mark begins UTF-32's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PIECE = 1 << 20
_KEPT = re.compile("[\udc00-\udcff]+")


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("rawtune.keep", _keep)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's characters are written, and the byte-order mark it begins with."""

    name: str = "utf-8"
    mark: bytes = b""

    @contextmanager
    def open(self, path: Path) -> Iterator[TextIO]:
        """The text of a file after its mark, line ends as they are. Its ``buffer`` tells how far it was read."""
        with path.open("rb") as file:
            file.seek(len(self.mark))
            yield io.TextIOWrapper(file, self.name, errors="rawtune.keep", newline="")

    def encode(self, text: str) -> bytes:
        """The bytes that ``text`` was read from."""
        try:
            return text.encode(self.name)
        except UnicodeEncodeError:
            parts, end = [], 0
        for kept in _KEPT.finditer(text):
            parts += [text[end : kept.start()].encode(self.name), bytes(ord(char) - 0xDC00 for char in kept.group())]
            end = kept.end()
        return b"".join([*parts, text[end:].encode(self.name)])

    def fault(self, text: str) -> str:
        """What is wrong if ``text`` holds bytes that are no characters."""
        try:
            text.encode()  # eight times as fast as a search for them
        except UnicodeEncodeError as error:
            kept = text[error.start : min(error.end, error.start + 4)]
            shown = " ".join(f"{ord(char) - 0xDC00:02X}" for char in kept)
            return f"holds bytes that are not {self.name.upper()}: {shown}"
        return ""


def detect(path: Path) -> Encoding:
    """The encoding by the byte-order mark, else UTF-8, or GB18030 where that fits more of the file's lines.

    Raises ``RawTextError`` if the file cannot be read, or holds nothing.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            for mark, name in _MARKS:
                if head.startswith(mark):
                    return Encoding(name, mark)
            file.seek(0)
            return Encoding("utf-8" if _is_utf8(file) else "gb18030")
    except OSError as error:
        raise RawTextError(f"{path}: {error.strerror}", "name a file that you may read") from error


def _is_utf8(file: io.BufferedReader) -> bool:
    """Whether a file that is not ASCII is UTF-8, perhaps with bad bytes here and there, and not GB18030.

    The first piece that is not ASCII settles it if it is clean; else all lines vote. One line of UTF-8 outweighs ten
    of GB18030, as the bytes of UTF-8 can often be read as GB18030, but hardly ever the other way round.
    """
    utf8 = gb18030 = 0
    while lines := file.readlines(_PIECE):
        if (piece := b"".join(lines)).isascii():
            continue
        if not utf8 and not gb18030 and _fits(piece, "utf-8"):
            return True
        strange = [line for line in lines if not line.isascii()]
        good = sum(_fits(line, "utf-8") for line in strange)
        utf8 += good
        gb18030 += 0 if good * 2 >= len(strange) else sum(_fits(line, "gb18030") for line in strange)
    return utf8 * 10 >= gb18030


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True

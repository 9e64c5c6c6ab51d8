"""A JSON text taken apart into rows as it is read, with every character accounted for.

The text is read through a window that slides along, one row after the other, so memory is bounded by the longest row.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from rawtune.dataset.json_text import DECODER
from rawtune.dataset.shapes import CHATS

SPLITS = frozenset(("train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval", "evaluation"))
ARRAYS = SPLITS | {"data", "dataset", "rows", "examples", "samples", "items", "records", "instances", "数据"}
_PIECE = 1 << 18
_SPACE = re.compile(r"[ \t\r\n]*")
_LONGEST_TOKEN = 16  # characters that may be cut in two at a window's end, such as -Infinity or an escape


class Broken(ValueError):
    """A JSON text that cannot be read on."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Element:
    """A row's place and text: the how-manieth array, what stands between it and the row before in there."""

    array: int
    between: str
    raw: str
    value: Any


class Window:
    """A stretch of a JSON text that slides along it: what was taken is forgotten, more is read as needed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._start = 0
        self._at = 0
        self.line = 1  # of the first character that was not taken
        self.taken = 0  # characters
        self.closers: list[str] = []

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def skip(self) -> None:
        """Pass the character that ``peek`` showed."""
        self._at += 1

    def enter(self, closer: str) -> None:
        """Pass an opening bracket."""
        self._at += 1
        self.closers.append(closer)

    def leave(self) -> None:
        """Pass a closing bracket."""
        self._at += 1
        self.closers.pop()

    def take(self) -> str:
        """The text since the last call."""
        piece = self._text[self._start : self._at]
        self._start = self._at
        self.line += piece.count("\n")
        self.taken += len(piece)
        return piece

    def value(self) -> Any:
        """The JSON value that begins here, which is passed."""
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                torn = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN
                if torn and self._more():
                    continue
                raise self.broken(error.msg, error.pos) from error
            except (ValueError, RecursionError) as error:  # a number of too many digits, too many brackets
                raise self.broken(str(error)) from error
            if end < len(self._text) or not self._more():
                self._at = end
                return value

    def broken(self, message: str, at: int | None = None) -> Broken:
        """An error that names the line."""
        return Broken(message, self.line + self._text.count("\n", self._start, self._at if at is None else at))

    def _more(self) -> bool:
        kept = self._text[self._start :]
        piece = self._file.read(max(_PIECE, len(kept)))
        self._text, self._at, self._start = kept + piece, self._at - self._start, 0
        return bool(piece)


def elements(window: Window, frames: dict[int, str], arrays: frozenset[str]) -> Iterator[tuple[str, int, Element]]:
    """Each row with the key of its array and its line. Of an object, the arrays named; if none is, all of objects."""
    top = window.peek()
    if top == "[":
        yield from _array(window, frames, "", 0)
    elif top == "{":
        window.enter("}")
        count = 0
        while window.peek() != "}":
            key = window.value()
            if not isinstance(key, str) or window.peek() != ":":
                raise window.broken("a key and a colon expected")
            window.skip()
            if window.peek() != "[" or (key.lower() not in arrays if arrays else key.lower() in CHATS):
                window.value()
            else:
                yield from _array(window, frames, key, count)
                count = len(frames)
            if window.peek() == ",":
                window.skip()
            elif window.peek() != "}":
                raise window.broken("a comma or } expected")
        window.leave()
    else:
        raise window.broken("[ or { expected")
    if window.peek():
        raise window.broken("something follows the end")


def _array(window: Window, frames: dict[int, str], key: str, number: int) -> Iterator[tuple[str, int, Element]]:
    window.enter("]")
    first = True
    while window.peek() != "]":
        between = window.take()
        if first:
            frames[number], between, first = between, "", False
        line = window.line
        try:
            value = window.value()
        except Broken:
            window.taken -= len(between)  # it belongs to what cannot be read
            raise
        yield key, line, Element(number, between, window.take(), value)
        if window.peek() == ",":
            window.skip()
        elif window.peek() != "]":
            raise window.broken("a comma or ] expected")
    window.leave()

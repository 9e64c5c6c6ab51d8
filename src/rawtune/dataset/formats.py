"""The formats that a dataset can be written in: how each file is called, what stands in it, and who else reads it.

A format's ``open`` takes a file and its columns; it gives a function that writes a group of rows. Rows are written as
they come, so that memory does not grow with them.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import IO, Any, NamedTuple

from pydantic_core import to_json

from rawtune.dataset.entry import Entry, Group
from rawtune.errors import MissingDependency, UsageError
from rawtune.records import History

HISTORY = "history"
"""The column of earlier turns: pairs of question and answer, as LLaMA-Factory and ChatGLM's own scripts have them."""


class Columns(NamedTuple):
    """Names of the question and the answer, and whether any row has earlier turns: then there is a column of them."""

    question: str
    answer: str
    history: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return (self.question, self.answer, HISTORY) if self.history else (self.question, self.answer)


Write = Callable[[Group], None]
Open = Callable[[IO[bytes], Columns], AbstractContextManager[Write]]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a dataset.

    ``file`` and ``held_out`` name its files, relative to the folder of the datasets; the training rows go into the
    first, the held-out questions, if there is a second, into that. ``card`` is where the format wants its own card.
    ``llama_factory`` describes the first file in the terms of LLaMA-Factory's ``dataset_info.json``, where that reads
    it; ``QUESTION`` and ``ANSWER`` stand for the columns.
    """

    file: str
    open: Open
    held_out: str = ""
    card: str = ""
    llama_factory: Mapping[str, Any] = field(default_factory=dict)


def _delimited(delimiter: str, mark: bytes = b"", suite: bool = False) -> Open:
    """A table as ``csv.writer`` writes it, quoted where needed, in a fifth of its time."""

    def cell(text: str) -> str:
        if '"' in text:
            return '"' + text.replace('"', '""') + '"'
        return f'"{text}"' if delimiter in text or "\n" in text or "\r" in text else text

    def line(*texts: str) -> str:
        return delimiter.join(map(cell, texts)) + "\r\n"

    @contextmanager
    def open(file: IO[bytes], columns: Columns) -> Iterator[Write]:
        file.write(mark + line(*columns.names, *(["suite"] if suite else [])).encode())

        def write(group: Group) -> None:
            more = [_pairs(group.history)] if columns.history else []
            last = [group.source.suite or ""] if suite else []
            ends = {answer: delimiter + line(answer, *more, *last) for answer in set(group.answers)}
            rows = zip(map(cell, group.questions), group.answers, strict=True)
            file.write("".join([question + ends[answer] for question, answer in rows]).encode())

        yield write

    return open


def _lines(make: Callable[[Entry, Columns], Any]) -> Open:
    """JSON Lines: an object a row."""

    @contextmanager
    def open(file: IO[bytes], columns: Columns) -> Iterator[Write]:
        yield lambda group: file.writelines(to_json(make(row, columns)) + b"\n" for row in group.rows())

    return open


def _array(make: Callable[[Entry, Columns], Any]) -> Open:
    """One JSON array, its objects each on a line of its own."""

    @contextmanager
    def open(file: IO[bytes], columns: Columns) -> Iterator[Write]:
        before = chain([b"\n"], repeat(b",\n"))
        file.write(b"[")
        yield lambda group: file.writelines(next(before) + to_json(make(row, columns)) for row in group.rows())
        file.write(b"\n]\n")

    return open


_ROW_GROUP = 1024
"""Rows that Parquet stores together."""


@contextmanager
def _parquet(file: IO[bytes], columns: Columns) -> Iterator[Write]:
    """Text columns ``id``, question and answer, and lists of earlier turns, if there are any."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependency("Parquet files need the library pyarrow", "pip install 'rawtune[tables]'") from error
    kinds = [pa.string(), pa.string(), pa.string(), pa.list_(pa.list_(pa.string()))]
    schema = pa.schema(list(zip(("id", *columns.names), kinds, strict=False)))
    waiting: list[Entry] = []

    def write(group: Group) -> None:
        waiting.extend(group.rows())
        while len(waiting) >= _ROW_GROUP:
            write_row_group(waiting[:_ROW_GROUP])
            del waiting[:_ROW_GROUP]

    def write_row_group(rows: Sequence[Entry]) -> None:
        values = [[row[at] for row in rows] for at in range(3)]  # an entry begins with just these
        values += [[row.history for row in rows]] if columns.history else []
        arrays = [pa.array(column, kind) for column, kind in zip(values, schema.types, strict=True)]
        writer.write_batch(pa.record_batch(arrays, schema))

    with pq.ParquetWriter(file, schema) as writer:
        yield write
        if waiting:
            write_row_group(waiting)


def _named(row: Entry, columns: Columns) -> Any:
    return {"id": row.id, columns.question: row.question, columns.answer: row.answer, **_earlier(row, columns)}


def _alpaca(row: Entry, columns: Columns) -> Any:
    return {"id": row.id, "instruction": row.question, "input": "", "output": row.answer, **_earlier(row, columns)}


def _chatglm3(row: Entry, columns: Columns) -> Any:
    return {"content": row.question, "summary": row.answer, **_earlier(row, columns)}


def _earlier(row: Entry, columns: Columns) -> dict[str, Any]:
    """In every row if any has earlier turns: readers take the columns of a file from its first rows."""
    return {HISTORY: row.history} if columns.history else {}


def _pairs(history: History) -> str:
    """Earlier turns as the text of a cell; an empty one for none."""
    return to_json(history).decode() if history else ""


def _sharegpt(row: Entry, _: Columns) -> Any:
    names = {"user": "human", "assistant": "gpt"}
    turns = [{"from": names[turn["role"]], "value": turn["content"]} for turn in _turns(row)]
    return {"id": row.id, "conversations": turns}


def _turns(row: Entry) -> list[dict[str, str]]:
    turns = (*row.history, (row.question, row.answer))
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for turn in turns for role, text in zip(roles, turn, strict=True)]


QUESTION, ANSWER = "QUESTION", "ANSWER"
_COLUMNS = {"columns": {"prompt": QUESTION, "response": ANSWER}}
_ROLES = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}

HELD_OUT = Format("{stem}.held_out.csv", _delimited(",", BOM_UTF8, suite=True))
"""The held-out questions of every dataset, with their suites; no format to choose."""

FORMATS: Mapping[str, Format] = {
    "csv": Format("{stem}.csv", _delimited(",", BOM_UTF8), llama_factory=_COLUMNS),
    "tsv": Format("{stem}.tsv", _delimited("\t")),
    "jsonl": Format("{stem}.jsonl", _lines(_named), llama_factory=_COLUMNS),
    "parquet": Format("{stem}.parquet", _parquet, llama_factory=_COLUMNS),
    "alpaca": Format(
        "{stem}.alpaca.json",
        _array(_alpaca),
        llama_factory={"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
    ),
    "sharegpt": Format(
        "{stem}.sharegpt.json",
        _array(_sharegpt),
        llama_factory={"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    ),
    "messages": Format(
        "{stem}.messages.jsonl",
        _lines(lambda row, _: {"messages": _turns(row)}),
        llama_factory={"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _ROLES},
    ),
    "chatglm3": Format(
        "{stem}.chatglm3.jsonl",
        _lines(_chatglm3),
        llama_factory={"columns": {"prompt": "content", "response": "summary"}},
    ),
    "chatglm3-chat": Format(
        "{stem}.chatglm3-chat.jsonl",
        _lines(lambda row, _: {"conversations": _turns(row)}),
        llama_factory={"formatting": "sharegpt", "columns": {"messages": "conversations"}, "tags": _ROLES},
    ),
    "hf": Format(
        "{stem}.hf/data/train-00000-of-00001.parquet",
        _parquet,
        held_out="{stem}.hf/data/test-00000-of-00001.parquet",
        card="{stem}.hf/README.md",
    ),
}
"""By the names that ``rawtune export --to`` takes."""

ALWAYS = "csv"
"""Written whatever is asked for: rawtune itself trains on it."""


def wanted(*names: str) -> tuple[str, ...]:
    """The formats to be written, each once, in the order of ``FORMATS``; raises ``UsageError`` for one unknown."""
    if unknown := [name for name in names if name not in FORMATS]:
        raise UsageError(f"there is no format '{unknown[0]}'", f"choose of: {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name == ALWAYS or name in names)

"""The formats that a dataset can be written in: how each file is called, what stands in it, and who else reads it.

A format's ``open`` takes a file and the names of the question and the answer column; it gives a function that writes
some rows. Rows are written as they come, so that memory does not grow with them.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import IO, Any

from pydantic_core import to_json

from rawtune.dataset.entry import Entry
from rawtune.errors import MissingDependency, UsageError

Columns = tuple[str, str]
Write = Callable[[Sequence[Entry]], None]
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
        file.write(mark + line(*columns, *(["suite"] if suite else [])).encode())

        def write(rows: Sequence[Entry]) -> None:
            if suite:
                lines = [line(row.question, row.answer, row.source.suite or "") for row in rows]
            else:
                lines = [f"{cell(row[1])}{delimiter}{cell(row[2])}\r\n" for row in rows]
            file.write("".join(lines).encode())

        yield write

    return open


def _lines(make: Callable[[Entry, Columns], Any]) -> Open:
    """JSON Lines: an object a row."""

    @contextmanager
    def open(file: IO[bytes], columns: Columns) -> Iterator[Write]:
        yield lambda rows: file.writelines(to_json(make(row, columns)) + b"\n" for row in rows)

    return open


def _array(make: Callable[[Entry, Columns], Any]) -> Open:
    """One JSON array, its objects each on a line of its own."""

    @contextmanager
    def open(file: IO[bytes], columns: Columns) -> Iterator[Write]:
        before = chain([b"\n"], repeat(b",\n"))
        file.write(b"[")
        yield lambda rows: file.writelines(next(before) + to_json(make(row, columns)) for row in rows)
        file.write(b"\n]\n")

    return open


@contextmanager
def _parquet(file: IO[bytes], columns: Columns) -> Iterator[Write]:
    """Text columns ``id``, question and answer; each call a row group."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependency("Parquet files need the library pyarrow", "pip install 'rawtune[tables]'") from error
    schema = pa.schema([(name, pa.string()) for name in ("id", *columns)])

    def write(rows: Sequence[Entry]) -> None:
        values = ([row[at] for row in rows] for at in range(len(schema)))  # an entry begins with just these
        writer.write_batch(pa.record_batch([pa.array(column, pa.string()) for column in values], schema))

    with pq.ParquetWriter(file, schema) as writer:
        yield write


def _named(row: Entry, columns: Columns) -> Any:
    return {"id": row.id, columns[0]: row.question, columns[1]: row.answer}


def _alpaca(row: Entry, _: Columns) -> Any:
    return {"id": row.id, "instruction": row.question, "input": "", "output": row.answer}


def _sharegpt(row: Entry, _: Columns) -> Any:
    turns = [{"from": "human", "value": row.question}, {"from": "gpt", "value": row.answer}]
    return {"id": row.id, "conversations": turns}


def _turns(row: Entry) -> list[dict[str, str]]:
    return [{"role": "user", "content": row.question}, {"role": "assistant", "content": row.answer}]


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
        _lines(lambda row, _: {"content": row.question, "summary": row.answer}),
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

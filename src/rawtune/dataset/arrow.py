"""Parquet and Arrow files, batch by batch; a record points into its batch, so that all values go back as they were."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rawtune.dataset import shapes
from rawtune.dataset.files import replacing
from rawtune.dataset.layout import Layout
from rawtune.dataset.rows import FileRows, Record
from rawtune.errors import MissingDependency, RawTextError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024
_GROUP = 1 << 25  # bytes of a Parquet row group
_SAMPLE = 50
_BUFFER = 1 << 16  # bytes read of a Parquet column at a time, not its whole chunk


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a batch, and the values that are to replace its own."""

    batch: "pa.RecordBatch"
    row: int
    updates: Mapping[str, Any]


class ArrowRows(FileRows):
    """Rows in Arrow's memory format, from a file of one kind or another."""

    def __init__(self, path: Path, layout: Layout, count: int) -> None:
        super().__init__(path, layout)
        self._count = count
        self._read = 0

    @property
    def position(self) -> int:
        """As many of the file's bytes as the rows that were read are of its rows."""
        return self.size * self._read // max(self._count, 1)

    def __iter__(self) -> Iterator[Record]:
        number = 0
        try:
            for batch in self._batches():
                columns = [_values(batch, key) for key in self.layout.keys]
                for at, values in enumerate(zip(*columns, strict=True)):
                    number += 1
                    yield self._row_record(number, dict(zip(self.layout.keys, values, strict=True)), batch, at)
                self._read = number
        except _failures() as error:
            yield Record(number + 1, 0, fault=f"from here to its end the file cannot be read: {_first_line(error)}")

    def _row_record(self, number: int, row: dict[str, Any], batch: "pa.RecordBatch", at: int) -> Record:
        place = Place(batch, at, {})
        for key, value in row.items():
            if isinstance(value, ValueError):
                return Record(number, 0, fault=f"'{key}' cannot be read: {_first_line(value)}", original=place)
        return self._record(number, 0, row, place)

    def _row(self, original: Any) -> Mapping[str, Any]:
        own = {key: _values(original.batch.slice(original.row, 1), key)[0] for key in self.layout.keys}
        return {**own, **original.updates}

    def _updated(self, original: Any, updates: Mapping[str, Any]) -> Any:
        return Place(original.batch, original.row, {**original.updates, **updates})

    @contextmanager
    def writer(self, path: Path) -> Iterator["ArrowWriter"]:
        """Write rows with the same columns, types and metadata."""
        with replacing(path, like=self.path) as file:
            batches = self._writer(file)
            writer = ArrowWriter(batches)
            yield writer
            writer.flush()
            batches.close()

    @abstractmethod
    def _batches(self) -> Iterator["pa.RecordBatch"]: ...

    @abstractmethod
    def _writer(self, file: IO[bytes]) -> Any: ...


class ParquetRows(ArrowRows):
    """The rows of a Parquet file."""

    format = "parquet"

    def _batches(self) -> Iterator["pa.RecordBatch"]:
        with _parquet(self.path) as file:
            yield from file.iter_batches(batch_size=_BATCH)

    def _writer(self, file: IO[bytes]) -> Any:
        import pyarrow.parquet as pq

        with _parquet(self.path) as source:
            groups = source.metadata.num_row_groups and source.metadata.num_columns
            codec = source.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
            return _Groups(
                pq.ParquetWriter(file, source.schema_arrow, compression=codec.replace("UNCOMPRESSED", "NONE"))
            )


class ArrowFileRows(ArrowRows):
    """The rows of an Arrow file or stream, as the datasets library saves them."""

    format = "arrow"

    def _batches(self) -> Iterator["pa.RecordBatch"]:
        with _arrow(self.path) as (_, batches):
            yield from batches

    def _writer(self, file: IO[bytes]) -> Any:
        import pyarrow as pa

        with _arrow(self.path) as (source, _):
            make = pa.ipc.new_stream if isinstance(source, pa.RecordBatchStreamReader) else pa.ipc.new_file
            return make(file, source.schema)


class ArrowWriter:
    """Gathers rows of one batch after the other."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self._places: list[Place] = []

    def write(self, record: Record) -> None:
        """Write a row as it was, but for values that were replaced; raises ``RawTextError`` if it was never read."""
        place = record.original
        if not isinstance(place, Place):
            raise RawTextError(f"row {record.number}: {record.fault}", "it cannot be written back; mend the file")
        if self._places and (place.batch is not self._places[0].batch or len(self._places) == _BATCH):
            self.flush()
        self._places.append(place)

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._places:
            return
        import pyarrow as pa

        batch = self._places[0].batch
        rows = [place.row for place in self._places]
        if rows != list(range(batch.num_rows)):
            batch = batch.take(pa.array(rows, pa.int64()))
        for key in dict.fromkeys(key for place in self._places for key in place.updates):
            at = batch.schema.names.index(key)
            values = batch.column(at).to_pylist()
            for row, place in enumerate(self._places):
                values[row] = place.updates.get(key, values[row])
            batch = batch.set_column(at, batch.schema.field(at), pa.array(values, batch.schema.field(at).type))
        self._batches.write_batch(batch)
        self._places = []


class _Groups:
    """Row groups of a usual size, from small batches."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def write_batch(self, batch: "pa.RecordBatch") -> None:
        self._waiting.append(batch)
        self._bytes += batch.get_total_buffer_size()
        if self._bytes >= _GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
        self._waiting, self._bytes = [], 0


def open_parquet(path: Path, columns: tuple[str, str] | None) -> ParquetRows:
    """The rows of a Parquet file; raises ``RawTextError`` if it is none, or has no question and answer."""
    failures = _failures()
    try:
        with _parquet(path) as file:
            first = next(file.iter_batches(batch_size=_SAMPLE), None)
            return ParquetRows(path, _layout(path, file.schema_arrow.names, first, columns), file.metadata.num_rows)
    except failures as error:
        raise _unreadable(path, error, "a Parquet file") from error


def open_arrow(path: Path, columns: tuple[str, str] | None) -> ArrowFileRows:
    """The rows of an Arrow file or stream; raises ``RawTextError`` as ``open_parquet`` does."""
    failures = _failures()
    try:
        with _arrow(path) as (source, batches):
            first = next(batches, None)
            layout = _layout(path, source.schema.names, first, columns)
            count = (first.num_rows if first else 0) + sum(batch.num_rows for batch in batches)
            return ArrowFileRows(path, layout, count)
    except failures as error:
        raise _unreadable(path, error, "an Arrow file") from error


def _layout(
    path: Path, names: Iterable[str], batch: "pa.RecordBatch | None", columns: tuple[str, str] | None
) -> Layout:
    names = list(names)
    table = {name: _values(batch.slice(0, _SAMPLE), name) for name in dict.fromkeys(names)} if batch else {}
    sample = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    layout = shapes.detect(sample, names, columns)
    if layout is None:
        raise RawTextError(
            f"{path}: no columns with a question and an answer; found: {', '.join(names)[:200]}",
            "name two of them with --columns QUESTION,ANSWER",
        )
    return layout


def _values(batch: "pa.RecordBatch", key: str) -> list[Any]:
    """The values of a column; in place of one that cannot be read, such as text of bad bytes, the error."""
    column = batch.column(batch.schema.names.index(key))
    try:
        values: list[Any] = column.to_pylist()
    except ValueError:
        values = [_value(item) for item in column]
    return values


def _value(item: Any) -> Any:
    try:
        return item.as_py()
    except ValueError as error:
        return error


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, buffer_size=_BUFFER) as file:
        yield file


@contextmanager
def _arrow(path: Path) -> Iterator[tuple[Any, Iterator["pa.RecordBatch"]]]:
    """A stream, or a file that begins with Arrow's mark; its reader and its batches."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as source:  # not mapped: the pages would count as this process's memory
        if source.read(6) == b"ARROW1":
            file = pa.ipc.open_file(source)
            yield file, (_sound(file.get_batch(number)) for number in range(file.num_record_batches))
        else:
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            yield stream, map(_sound, stream)


def _sound(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """``batch``, as Arrow trusts a file's offsets, and wrong ones would crash; text of bad bytes is let through."""
    for column in batch.columns:
        try:
            column.validate(full=True)
        except ValueError as error:
            if "UTF8" not in str(error):
                raise
    return batch


def _failures() -> tuple[type[Exception], ...]:
    """What Arrow raises on damaged files."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependency(
            "Parquet and Arrow files need the library pyarrow", "pip install 'rawtune[tables]'"
        ) from error
    return (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


def _unreadable(path: Path, error: Exception, kind: str) -> RawTextError:
    return RawTextError(f"{path}: cannot be read as {kind}: {_first_line(error)}", "make it again where it came from")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

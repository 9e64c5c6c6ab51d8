"""One SQLite file in WAL mode: opened, migrated, and its errors translated, in one place."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from sqlalchemy import URL, Connection, Delete, Engine, Select, create_engine, event, inspect, text
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.exc import DatabaseError, OperationalError

from rawtune.errors import RawtuneError, StorageFull, UsageError
from rawtune.ledger.tables import metadata

HEAD = "0005"
"""The newest migration; a ledger at this version is used as it is."""


class Database:
    """The connection to one ledger file. Everything written in a ``write`` block is committed whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"timeout": 30},
            json_serializer=_json,
        )
        # One connection for all that is written and for lookups in between: another's page cache would be stale, and
        # so of no use, after every commit.
        self._lock = threading.RLock()
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        try:
            with self._translated():
                _migrate(self._engine)
                self._writer = self._engine.connect()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Release the file."""
        self._writer.close()
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; raises ``StorageFull`` when there is no space, with nothing of this block kept."""
        with self._lock, self._translated(), self._writer.begin():
            yield self._writer

    @contextmanager
    def write_prepared(self) -> Iterator[None]:
        """A transaction for ``prepared`` statements alone: as ``write``, at a quarter of its cost.

        There may be hundreds a second: each is as small as what came in during one pass of the event loop.
        """
        with self._lock, self._translated():
            cursor = self._writer.connection.cursor()
            cursor.execute("BEGIN")
            try:
                yield
                cursor.execute("COMMIT")
            except BaseException:
                if self._writer.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                    cursor.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    def stream(self, query: Select[Any], size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query whose values need no conversion, ``size`` at a time, spared SQLAlchemy's work on each."""
        # "IN" is written out with as many parameters as it has values.
        compiled = query.compile(dialect=self._engine.dialect, compile_kwargs={"render_postcompile": True})
        with self.read() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(str(compiled), [compiled.params[name] for name in compiled.positiontup or ()])
            while rows := cursor.fetchmany(size):
                yield list(rows)

    def prepared(
        self, statement: Select[Any] | Insert | Delete
    ) -> Callable[[Sequence[tuple[Any, ...]]], list[tuple[Any, ...]]]:
        """A function that runs ``statement`` once for each tuple of parameters; for a query, with the rows it found.

        For what runs thousands of times a second: SQLAlchemy writes the SQL once, and is spared its work on every row,
        which takes longer than SQLite's own. Parameters come in the statement's order. Writing belongs into a
        ``write`` block.
        """
        sql = str(statement.compile(dialect=self._engine.dialect))

        def run(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
            with self._lock, self._translated():
                cursor = self._writer.connection.cursor()
                if statement.is_select:
                    # All rows at once: a cursor left open would go on showing an old state.
                    return [row for row in rows for row in cursor.execute(sql, row).fetchall()]
                cursor.executemany(sql, rows)
                return []

        return run

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, sqlite3.OperationalError) as error:
            reason = str(getattr(error, "orig", error))
            if "full" in reason or "disk I/O error" in reason:
                raise StorageFull(
                    f"{self.path}: {reason}", "free some space, then run the same command again: it goes on from here"
                ) from error
            if "readonly" in reason or "unable to open" in reason:
                raise UsageError(f"{self.path}: {reason}", "make the project folder writable") from error
            if "locked" in reason:
                raise RawtuneError(
                    f"{self.path}: {reason}", "another program is using the ledger; try again"
                ) from error
            raise
        except (DatabaseError, sqlite3.DatabaseError) as error:
            reason = str(getattr(error, "orig", error))
            if "malformed" in reason or "not a database" in reason:
                raise RawtuneError(
                    f"{self.path}: {reason}", "restore the file from a backup, or move it away to start afresh"
                ) from error
            raise


def _json(value: Any) -> str:
    return to_json(value).decode()


def _configure(connection: sqlite3.Connection, _: object) -> None:
    # Left to itself, sqlite3 opens no transaction for CREATE TABLE: a migration cut short would leave half its tables.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a committed reply survives a power cut; commits come in groups
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # pages; indexes are written back four times less often


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        version = None
        if inspect(connection).has_table("alembic_version"):
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return
    if version is None:
        _create(engine)
        return
    if version > HEAD:
        raise UsageError(f"{engine.url.database}: was written by a newer rawtune (schema {version})", "update rawtune")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _create(engine: Engine) -> None:
    """A new ledger at once at the newest version: what all migrations would make, without loading Alembic."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})

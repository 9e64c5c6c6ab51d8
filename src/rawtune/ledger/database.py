"""One SQLite file in WAL mode: opened, migrated, and its errors translated, in one place."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from rawtune.errors import RawtuneError, StorageFull, UsageError

HEAD = "0001"
"""The newest migration; a ledger at this version is used as it is."""


class Database:
    """The connection to one ledger file. Everything written in a ``write`` block is committed whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"timeout": 30},
            json_serializer=partial(json.dumps, ensure_ascii=False),
        )
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        try:
            with self._translated():
                _migrate(self._engine)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; raises ``StorageFull`` when there is no space, with nothing of this block kept."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            reason = str(error.orig)
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
        except DatabaseError as error:
            if "malformed" in str(error.orig) or "not a database" in str(error.orig):
                raise RawtuneError(
                    f"{self.path}: {error.orig}", "restore the file from a backup, or move it away to start afresh"
                ) from error
            raise


def _configure(connection: sqlite3.Connection, _: object) -> None:
    # Left to itself, sqlite3 opens no transaction for CREATE TABLE: a migration cut short would leave half its tables.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a committed reply survives a power cut; commits come in groups
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        version = None
        if inspect(connection).has_table("alembic_version"):
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise UsageError(f"{engine.url.database}: was written by a newer rawtune (schema {version})", "update rawtune")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

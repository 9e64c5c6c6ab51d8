import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, text

from rawtune.errors import RawtuneError, StorageFull, UsageError
from rawtune.ledger import database, tables
from rawtune.ledger.database import Database


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".rawtune" / "ledger.sqlite"


@pytest.fixture
def opened(path):
    opened = Database(path)
    yield opened
    opened.close()


def rows(path, query):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_new_ledger_is_made_with_its_folder_and_is_at_the_newest_version(opened, path):
    assert rows(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(opened):
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_newest_migration_is_the_one_the_code_calls_head():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(database.Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [database.HEAD]


def test_commits_are_durable_in_wal_mode_and_foreign_keys_hold(opened):
    with opened.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_reopening_keeps_what_was_written_and_migrates_nothing(path, monkeypatch):
    first = Database(path)
    with first.write() as connection:
        connection.execute(tables.answers.insert().values(key="k", model="base", question="蒙卦？", text="启蒙。"))
    first.close()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("migrated again"))
    second = Database(path)
    with second.read() as connection:
        assert connection.execute(tables.answers.select()).all() == [("k", "base", "蒙卦？", "启蒙。")]
    second.close()


@pytest.mark.parametrize("statement", range(7))
def test_a_migration_cut_short_is_done_from_the_start_the_next_time(path, statement):
    seen = []

    def cut(connection, cursor, sql, *_):
        if sql.lstrip().startswith("CREATE"):
            seen.append(sql)
            if len(seen) > statement:
                raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", cut)
    try:
        with pytest.raises(KeyboardInterrupt):
            Database(path)
    finally:
        event.remove(Engine, "before_cursor_execute", cut)
    assert rows(path, "SELECT name FROM sqlite_master") == []
    again = Database(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]
    again.close()


def test_a_block_that_fails_leaves_nothing(opened):
    insert = tables.answers.insert()

    def half():
        with opened.write() as connection:
            connection.execute(insert.values(key="k", model="m", question="q", text="t"))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # any error will do
        half()
    with opened.read() as connection:
        assert connection.execute(tables.answers.select()).all() == []


def test_a_ledger_of_a_newer_version_is_refused_untouched(path):
    opened = Database(path)
    with opened.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    with pytest.raises(UsageError, match=r"newer rawtune \(schema 9999\)") as caught:
        Database(path)
    assert str(path) in caught.value.message
    assert "update" in caught.value.hint
    assert rows(path, "SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize(
    "data", [b"this is no database, but long enough to be looked at" * 50, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_a_file_that_is_no_ledger_is_named(path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(RawtuneError, match=r"not a database|malformed") as caught:
        Database(path)
    assert str(path) in caught.value.message
    assert "backup" in caught.value.hint
    assert path.read_bytes() == data


@pytest.mark.parametrize("data", [None, b"this is no database" * 500])
def test_a_ledger_that_is_refused_is_let_go(path, monkeypatch, data):
    opened = []
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.dbapi2.connect", lambda *a, **k: (opened.append(connect(*a, **k)), opened[-1])[1])
    if data is None:
        ledger = Database(path)
        with ledger.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        ledger.close()
    else:
        path.parent.mkdir()
        path.write_bytes(data)
    with pytest.raises(RawtuneError):
        Database(path)
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_damaged_ledger_is_named(path):
    opened = Database(path)
    with opened.write() as connection:
        values = [{"key": f"{n:04}", "model": "m", "question": "q" * 500, "text": "t" * 500} for n in range(200)]
        connection.execute(tables.answers.insert(), values)
    opened.close()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    with pytest.raises(RawtuneError, match="malformed") as caught:
        Database(path)
    assert "backup" in caught.value.hint


def test_a_ledger_that_cannot_be_opened_is_a_usage_error(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(UsageError, match="unable to open"):
        Database(tmp_path / "ledger.sqlite")


def test_a_ledger_that_may_only_be_read_is_a_usage_error(path):
    opened = Database(path)
    with opened.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(UsageError, match="readonly") as caught, opened.write() as connection:
        connection.execute(tables.answers.insert().values(key="k", model="m", question="q", text="t"))
    assert "writable" in caught.value.hint
    opened.close()


def test_a_ledger_in_use_is_told(opened, path):
    with opened.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RawtuneError, match="locked") as caught, opened.write() as connection:
        connection.execute(tables.answers.insert().values(key="k", model="m", question="q", text="t"))
    assert "another program" in caught.value.hint
    other.close()


def test_on_a_full_disk_everything_before_is_kept(opened, path):
    def save(number):
        with opened.write() as connection:
            values = [
                {"key": f"{number}-{n}", "model": "m", "question": "蒙卦？", "text": "泉" * 500} for n in range(10)
            ]
            connection.execute(tables.answers.insert(), values)

    save(0)
    with opened.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 8}")
    saved = 1
    with pytest.raises(StorageFull, match="full") as caught:  # noqa: PT012  # which block fails is SQLite's to say
        while True:
            save(saved)
            saved += 1
    assert "goes on from here" in caught.value.hint
    with opened.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM answers")).scalar() == 10 * saved
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    save(saved)  # as soon as there is space
    assert rows(path, "SELECT count(*) FROM answers") == [(10 * (saved + 1),)]


@pytest.mark.parametrize("name", ["易经 项目", "what? 100% #1 & more"])
def test_any_folder_name_will_do(tmp_path, name):
    path = tmp_path / name / "ledger.sqlite"
    Database(path).close()
    assert rows(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]

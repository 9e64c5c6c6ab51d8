import json
import sqlite3
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Boolean, bindparam, delete, select, text
from sqlalchemy.dialects.sqlite import insert
from tests.ledger.samples import dump, failed, kept, passages, quarantined, request
from tests.ledger.samples import stored as rows

from rawtune.errors import RawtuneError, StorageFull, UsageError
from rawtune.ledger import database, tables
from rawtune.ledger.database import Database
from rawtune.ledger.ledger import Ledger
from rawtune.records import Reply


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".rawtune" / "ledger.sqlite"


@pytest.fixture
def opened(path):
    opened = Database(path)
    yield opened
    opened.close()


def answer(key, text="启蒙。"):
    return {"key": key, "model": "base", "question": "蒙卦？", "text": text}


def pragma(opened, setting):
    """Set it on the connection that writes."""
    with opened.write() as connection:
        connection.exec_driver_sql(f"PRAGMA {setting}")


def test_a_new_ledger_is_made_with_its_folder_and_is_at_the_newest_version(opened, path):
    assert rows(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]


def test_a_new_ledger_has_exactly_the_tables_that_the_code_knows(opened):
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_commits_are_durable_in_wal_mode_and_foreign_keys_hold(opened):
    for block in (opened.read, opened.write):
        with block() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_reopening_keeps_what_was_written_and_migrates_nothing(path, monkeypatch):
    first = Database(path)
    with first.write() as connection:
        connection.execute(tables.answers.insert(), [answer("k")])
    first.close()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("migrated again"))
    second = Database(path)
    with second.read() as connection:
        assert connection.execute(tables.answers.select()).all() == [tuple(answer("k").values())]
    second.close()


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
    pragma(opened, "query_only = ON")
    with pytest.raises(UsageError, match="readonly") as caught, opened.write() as connection:
        connection.execute(tables.answers.insert().values(key="k", model="m", question="q", text="t"))
    assert "writable" in caught.value.hint
    opened.close()


def test_a_ledger_in_use_is_told(opened, path):
    pragma(opened, "busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RawtuneError, match="locked") as caught, opened.write() as connection:
        connection.execute(tables.answers.insert().values(key="k", model="m", question="q", text="t"))
    assert "another program" in caught.value.hint
    other.close()


@pytest.mark.parametrize("way", ["SQLAlchemy", "prepared"])
def test_on_a_full_disk_everything_before_is_kept(opened, path, way):
    run = opened.prepared(insert(tables.answers))

    def save(number):
        values = [answer(f"{number}-{n}", "泉" * 500) for n in range(10)]
        with opened.write() as connection:
            if way == "prepared":
                run([tuple(row.values()) for row in values])
            else:
                connection.execute(insert(tables.answers), values)

    save(0)
    ((pages,),) = rows(path, "PRAGMA page_count")
    pragma(opened, f"max_page_count = {pages + 8}")
    saved = 1
    with pytest.raises(StorageFull, match="full") as caught:  # noqa: PT012  # which block fails is SQLite's to say
        while True:
            save(saved)
            saved += 1
    assert "goes on from here" in caught.value.hint
    assert rows(path, "SELECT count(*) FROM answers") == [(10 * saved,)]
    pragma(opened, "max_page_count = 100000")
    save(saved)  # as soon as there is space
    assert rows(path, "SELECT count(*) FROM answers") == [(10 * (saved + 1),)]


def test_prepared_translates_the_errors_of_a_ledger_that_may_only_be_read(opened):
    pragma(opened, "query_only = ON")
    with pytest.raises(UsageError, match="readonly"), opened.write():
        opened.prepared(insert(tables.answers))([tuple(answer("k").values())])


def test_a_lookup_translates_the_errors_of_a_ledger_that_was_damaged_meanwhile(path):
    opened = Database(path)
    with opened.write() as connection:
        connection.execute(insert(tables.answers), [answer(f"{n:04}", "泉" * 200) for n in range(200)])
    opened.close()
    opened = Database(path)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    find = opened.prepared(select(tables.answers.c.text).where(tables.answers.c.key == bindparam("key")))
    with pytest.raises(RawtuneError, match="malformed"):
        find([("0001",)])
    opened.close()


def test_prepared_shows_what_the_block_has_written_so_far_and_is_rolled_back_with_it(opened, path):
    run = opened.prepared(insert(tables.answers))
    find = opened.prepared(select(tables.answers.c.text).where(tables.answers.c.key == bindparam("key")))

    def half():
        with opened.write():
            run([tuple(answer("k").values())])
            assert find([("k",)]) == [("启蒙。",)]
            assert rows(path, "SELECT * FROM answers") == []
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # any error will do
        half()
    assert find([("k",)]) == []
    with opened.write():
        run([tuple(answer("k").values())])
    assert find([("k",), ("unknown",), ("k",)]) == [("启蒙。",), ("启蒙。",)]
    assert rows(path, "SELECT key FROM answers") == [("k",)]


def test_prepared_sees_what_was_written_since_it_last_looked(opened, path):
    find = opened.prepared(select(tables.answers.c.text).where(tables.answers.c.key == bindparam("key")))
    assert find([("k",)]) == []
    other = sqlite3.connect(path)
    other.execute("INSERT INTO answers VALUES ('k', 'm', 'q', '别处')")
    other.commit()
    other.close()
    assert find([("k",)]) == [("别处",)]


def test_prepared_takes_no_rows_for_nothing_to_do(opened, path):
    with opened.write():
        assert opened.prepared(insert(tables.answers))([]) == []
        assert opened.prepared(delete(tables.answers))([]) == []
    assert rows(path, "SELECT * FROM answers") == []


def test_every_prepared_statement_of_the_ledger_does_what_sqlalchemy_would_do(tmp_path, monkeypatch):
    statements, runs = [], []
    prepared = Database.prepared

    def recording(self, statement):
        statements.append(statement)
        run = prepared(self, statement)

        def recorded(parameters):
            runs.append((statement, parameters, run(parameters)))
            return runs[-1][-1]

        return recorded

    monkeypatch.setattr(Database, "prepared", recording)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    texts = passages(5)
    ledger.save_passages(texts)
    ledger.save_passages([replace(text, start=9, end=30, document="raw/b.txt") for text in texts[::-1]])
    reply = Reply("答“蒙”\x00\n😀", "length", 12, 34, True, 0.25, 3, 0.0012)
    failure = Reply("503", "error", status=503, estimated=True)
    ids = [text.id for text in texts]
    first = [kept(ids[0], repairs=("去掉围栏",), replies=("k0", "k1")), quarantined(ids[1]), failed(ids[2])]
    ledger.save([(request(1), reply), (request(1), Reply("late")), (request(2), failure)], first, "hash")
    ledger.save([(request(2), Reply("其二", cost=None))], [kept(ids[2]), quarantined(ids[0])], "other")
    for asked in (request(1), request(2), request(3)):
        ledger.reply(asked.key)
    ledger.close()
    monkeypatch.undo()
    assert {id(statement) for statement, *_ in runs} == {id(statement) for statement in statements}

    twin = Database(tmp_path / "twin.sqlite")
    with twin.write() as connection:
        for statement, parameters, found in runs:
            compiled = statement.compile(dialect=connection.dialect)
            kinds = {name: bound.type for name, bound in compiled.binds.items()}
            results = []
            for row in parameters:
                named = dict(zip(compiled.positiontup, row, strict=True))
                for name, kind in kinds.items():
                    named[name] = json.loads(named[name]) if isinstance(kind, JSON) else named[name]
                    named[name] = bool(named[name]) if isinstance(kind, Boolean) else named[name]
                result = connection.execute(statement, named)
                results += [tuple(row) for row in result] if result.returns_rows else []
            assert results == found
    twin.close()
    assert dump(tmp_path / "twin.sqlite") == dump(tmp_path / "ledger.sqlite")


def test_closing_releases_the_file(path, monkeypatch):
    opened = []
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.dbapi2.connect", lambda *a, **k: (opened.append(connect(*a, **k)), opened[-1])[1])
    database = Database(path)
    with database.write() as connection:
        connection.execute(insert(tables.answers), [answer("k")])
    with database.read() as connection:
        connection.execute(select(tables.answers)).all()
    assert path.with_name("ledger.sqlite-wal").exists()
    database.close()
    assert len(opened) > 1
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    assert [file.name for file in path.parent.iterdir()] == ["ledger.sqlite"]  # no log is left beside it
    moved = path.rename(path.with_name("elsewhere.sqlite"))
    assert rows(moved, "SELECT key FROM answers") == [("k",)]


@pytest.mark.parametrize("name", ["易经 项目", "what? 100% #1 & more"])
def test_any_folder_name_will_do(tmp_path, name):
    path = tmp_path / name / "ledger.sqlite"
    Database(path).close()
    assert rows(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]

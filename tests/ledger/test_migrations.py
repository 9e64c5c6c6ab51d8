import json
import re
import shutil
import sqlite3
from itertools import count

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from tests.ledger.samples import dump, kept, stored

from rawtune.ledger import database
from rawtune.ledger.database import Database
from rawtune.ledger.ledger import Ledger
from rawtune.records import Message, Parameters, Reply, Request, State

PARAMETERS = {"temperature": 0.3, "top_p": None, "max_tokens": 800, "seed": 7, "stop": ["\n\n", "。"]}
SCHEMA = {"type": "object", "properties": {"概念": {"type": "string"}, "内容": {"type": "string"}}}
OLD = {
    f"{number:032x}": {
        "model": "m",
        "messages": [{"role": "system", "content": "任务"}, {"role": "user", "content": f"第{number}段。"}],
        "parameters": PARAMETERS,
        "schema": SCHEMA if number % 2 else None,
        "_canonical": "as 0001 stored it",
        "_key": "",
    }
    for number in range(3)
}


def config():
    config = Config()
    config.set_main_option("script_location", str(database.Path(database.__file__).parent / "migrations"))
    return config


def migrated(path, version):
    """An empty ledger as Alembic alone makes it."""
    engine, settings = create_engine(f"sqlite:///{path}"), config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, version)
    engine.dispose()


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A ledger of the first version, with the work of a run in it."""
    path = tmp_path_factory.mktemp("old") / "ledger.sqlite"
    migrated(path, "0001")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    for number, (key, request) in enumerate(OLD.items()):
        text = f"第{number}段。"
        connection.execute(
            "INSERT INTO passages (id, position, document, document_sha256, start, end, text, split, current)"
            " VALUES (?, ?, 'raw/a.txt', 'a', 0, 4, ?, 'train', 1)",
            (f"p{number}", number, text),
        )
        connection.execute(
            "INSERT INTO replies VALUES (?, ?, ?, 'stop', 12, 34, ?, 0.25, 1, ?)",
            (key, json.dumps(request, ensure_ascii=False), f"答{number}", number == 1, 0.5 if number else None),
        )
    connection.execute("INSERT INTO outcomes VALUES ('p0', 'hash', 'kept', '', '[]', ?, '[]')", (json.dumps([*OLD]),))
    connection.execute(
        "INSERT INTO examples VALUES ('r-p0', 'p0', 'train', '蒙卦', '蒙卦', '山下出泉。', 'written', 'openai:m', 'h',"
        " NULL, NULL, NULL, 0)"
    )
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def path(tmp_path, old):
    return shutil.copy(old, tmp_path / "ledger.sqlite")


def schema(path):
    """Every table with its columns, keys and indexes, whatever their order and however they were made."""
    connection = sqlite3.connect(path)
    found = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = sorted(row[1:] for row in connection.execute(f"PRAGMA table_xinfo({table})"))
        keys = sorted(row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({table})"))
        indexes = {}
        for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
            ((sql,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,))
            on = [row[2] for row in connection.execute(f"PRAGMA index_info({name})")]
            where = re.split(r"\bWHERE\b", " ".join((sql or "").split()))[1:]
            indexes[name] = (unique, origin, partial, on, where)
        found[table] = (columns, keys, indexes)
    connection.close()
    return found


class Cut(BaseException):
    """The end of the process, as far as it can be had in a test."""


def cut_at(statement, path):
    """Open the ledger, and stop before the statement of this number; whether there was one."""
    left = statement

    def cut(*_):
        nonlocal left
        if left == 0:
            raise Cut
        left -= 1

    event.listen(Engine, "before_cursor_execute", cut)
    try:
        Database(path).close()
    except Cut:
        return True
    finally:
        event.remove(Engine, "before_cursor_execute", cut)
    return False


def test_the_newest_migration_is_the_one_the_code_calls_head():
    assert ScriptDirectory.from_config(config()).get_heads() == [database.HEAD]


def test_a_fresh_ledger_and_one_that_went_through_all_migrations_have_the_same_schema(tmp_path, path):
    Database(tmp_path / "fresh.sqlite").close()
    Database(path).close()
    migrated(tmp_path / "alembic.sqlite", "head")
    fresh = schema(tmp_path / "fresh.sqlite")
    assert schema(path) == fresh
    assert schema(tmp_path / "alembic.sqlite") == fresh
    assert fresh["calls"][2]["answering_calls"] == (1, "c", 1, ["key"], [" status = 200 AND retired = 0"])
    assert "replies" not in fresh
    for ledger in ("fresh.sqlite", "ledger.sqlite", "alembic.sqlite"):
        assert stored(tmp_path / ledger, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]


def test_a_ledger_of_the_first_version_keeps_every_reply_and_they_answer(path):
    ledger = Ledger(path)
    assert set(ledger.answered()) == set(OLD)
    for number, key in enumerate(OLD):
        reply = Reply(f"答{number}", "stop", 12, 34, number == 1, 0.25, 1, 0.5 if number else None)
        assert ledger.reply(key) == reply
        messages = (Message("system", "任务"), Message("user", f"第{number}段。"))
        parameters = Parameters(0.3, None, 800, 7, ("\n\n", "。"))
        assert ledger.exchange(key) == (Request("m", messages, parameters, SCHEMA if number % 2 else None), reply)
    assert ledger.spent() == (3, 1.0)
    assert [p.text for p in ledger.passages()] == ["第0段。", "第1段。", "第2段。"]
    assert [outcome for _, outcome in ledger.endings()] == [kept("p0", replies=tuple(OLD))]
    assert [p.id for p in ledger.unsettled("hash")] == ["p1", "p2"]
    ledger.ask_anew(["p0"])
    assert list(ledger.answered()) == []
    ledger.close()


def test_a_ledger_that_was_migrated_takes_new_work(path):
    ledger = Ledger(path)
    request = Request("m", (Message("user", "新"),))
    again = [*ledger.passages()]
    ledger.save_passages(again[::-1])
    ledger.save([(request, Reply("答"))], [kept("p1")], "hash")
    assert ledger.reply(request.key) == Reply("答")
    assert ledger.tally("hash").states == {State.KEPT: 2}
    assert [p.id for p in ledger.passages()] == ["p2", "p1", "p0"]
    ledger.close()


def test_a_migration_cut_short_at_any_statement_leaves_the_old_ledger_whole(path):
    before, tables = dump(path), schema(path)
    for statement in count():
        if not cut_at(statement, path):
            break
        assert dump(path) == before
        assert schema(path) == tables
    assert statement > 8  # among them every CREATE, the INSERT and the DROP
    ledger = Ledger(path)
    assert set(ledger.answered()) == set(OLD)
    ledger.close()


def test_a_ledger_whose_making_was_cut_short_at_any_statement_is_made_the_next_time(tmp_path):
    path = tmp_path / "new.sqlite"
    for statement in count():
        if not cut_at(statement, path):
            break
        assert stored(path, "SELECT name FROM sqlite_master") == []
    assert statement > 12
    assert stored(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]
    assert "calls" in schema(path)

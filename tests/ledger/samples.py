"""Small records of every kind, and what lies in a ledger's file."""

import sqlite3

from rawtune.records import (
    Example,
    Finding,
    Message,
    Origin,
    Outcome,
    Passage,
    Reply,
    Request,
    Split,
    State,
    content_hash,
)

FINDING = Finding("RT111", "键“来源”多余", "summary", 3, 7)


def passage(name, split=Split.TRAIN, document="raw/易经.txt", text=None):
    text = text or f"{name}：山下出泉。A spring."
    return Passage(name, document, content_hash(document, 64), 3, 3 + len(text), text, split)


def passages(count, start=0):
    return [passage(f"p{number:05}") for number in range(start, start + count)]


def request(content="山下出泉。", **more):
    return Request("m", (Message("system", "任务"), Message("user", str(content))), **more)


def failure(status=500, cost=None):
    return Reply("服务器出错", "error", estimated=True, latency=0.5, attempts=2, cost=cost, status=status)


def example(name, of="p1", **more):
    fields = {"split": Split.TRAIN, "origin": Origin.WRITTEN, **more}
    return Example(
        name, of, concept="蒙卦", question="蒙卦", answer="山下出泉。", teacher="openai:m", prompt_hash="h", **fields
    )


def kept(of="p1", name=None, origin=Origin.WRITTEN, **more):
    return Outcome(of, State.KEPT, example(name or f"r-{of}", of, origin=origin), **more)


def quarantined(of="p1", **more):
    return Outcome(of, State.QUARANTINED, findings=(FINDING,), reason="键", **more)


def failed(of="p1", reason="连接中断", **more):
    return Outcome(of, State.FAILED, reason=reason, **more)


def stored(path, query):
    """What another program would find in the file: only what was committed."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def dump(path):
    """All rows of all tables, by table and column."""
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: connection.execute(f'SELECT * FROM "{name}"') for name in sorted(names)}
        return {name: ([column[0] for column in found.description], found.fetchall()) for name, found in tables.items()}
    finally:
        connection.close()

import json
import re
from datetime import UTC, datetime

import pytest

import rawtune
from rawtune import project
from rawtune.log import Log
from rawtune.records import State


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_event_is_one_line_of_json_with_its_time(path):
    log = Log(path)
    log.write("passage", id="p1", state=State.KEPT, rules=["RT101"], calls=2)
    log.write("say", what="两行\n写作一行", cost=None, seconds=0.25)
    log.flush()
    first, second = lines(path)
    times = [datetime.fromisoformat(line.pop("time")) for line in (first, second)]
    assert first == {"event": "passage", "id": "p1", "state": "kept", "rules": ["RT101"], "calls": 2}
    assert second == {"event": "say", "what": "两行\n写作一行", "cost": None, "seconds": 0.25}
    assert all(time.tzinfo == UTC for time in times)
    assert times[0] <= times[1] <= datetime.now(UTC)
    assert "两行" in path.read_text(encoding="utf-8")


def test_a_log_is_appended_to_and_never_written_over(path):
    for number in range(3):
        log = Log(path)
        log.write("run", number=number)
        log.flush()
        log.flush()
    assert [line["number"] for line in lines(path)] == [0, 1, 2]


def test_nothing_is_made_for_nothing(path):
    Log(path).flush()
    assert not path.exists()


def test_a_long_run_is_written_as_it_goes(path, monkeypatch):
    now = 100.0
    monkeypatch.setattr("rawtune.log.time.monotonic", lambda: now)
    log = Log(path)
    for number in range(2_000):
        log.write("passage", number=number)
    assert not path.exists()
    now += 1.0
    log.write("passage", number=2_000)
    assert [line["number"] for line in lines(path)] == list(range(2_001))
    now += 0.9
    log.write("passage", number=2_001)  # gathered again from the last time on
    assert len(lines(path)) == 2_001
    now += 0.1
    log.write("passage", number=2_002)
    assert [line["number"] for line in lines(path)] == list(range(2_003))


def test_a_projects_log_tells_of_every_passage_and_holds_no_text(tmp_path):
    texts = ["蒙卦\n蒙卦讲的是山下的泉水。蒙卦劝人主动求教。", "Kun\nThe earth carries all things. It is patient."]
    (tmp_path / "book.txt").write_text("\n\n".join(texts), encoding="utf-8")
    folder = project.create(tmp_path / "book", source=tmp_path / "book.txt")
    settings = folder / "rawtune.yaml"
    named = re.sub(r"(?m)^(\s+model:) .*$", r"\1 'scripted:'", settings.read_text(encoding="utf-8"), count=1)
    settings.write_text(named, encoding="utf-8")
    with rawtune.open(folder) as opened:
        opened.synthesise()
        ended = {passage.id: outcome for passage, outcome in opened.outcomes()}
    assert len(ended) == 2
    log = lines(folder / ".rawtune" / "log.jsonl")
    assert {line["id"]: line["state"] for line in log if line["event"] == "passage"} == {
        id: outcome.state for id, outcome in ended.items()
    }
    assert [line["kept"] for line in log if line["event"] == "account"] == [2]
    written = (folder / ".rawtune" / "log.jsonl").read_text(encoding="utf-8")
    parts = [outcome.example.answer for outcome in ended.values()]
    parts += ["蒙卦", "泉水", "求教", "Kun", "earth", "patient"]
    assert [part for part in parts if part in written] == []

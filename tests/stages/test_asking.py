"""Conversations about many things, with a teacher that follows a script."""

from functools import partial
from pathlib import Path

import pytest

from rawtune import project
from rawtune.errors import CallRejected, KeyRejected, RawtuneError
from rawtune.llm.scripted import Script, Scripted
from rawtune.project import Project
from rawtune.records import Message, Parameters, Request
from rawtune.stages import asking, session
from rawtune.stages.asking import ask_all, ask_one, say, unpaid


@pytest.fixture
def opened(tmp_path: Path):
    raw = tmp_path / "raw.txt"
    raw.write_text("蒙卦\n山下出泉。", encoding="utf-8")
    with Project(project.create(tmp_path / "book", source=raw, settings={"teacher": {"model": "scripted:"}})) as opened:
        yield opened


def talks(*texts: str):
    return {text: partial(say, Request("m", (Message("user", text),), Parameters())) for text in texts}


def teach(monkeypatch: pytest.MonkeyPatch, script: Script) -> list[str]:
    asked: list[str] = []

    def answer(request: Request):
        asked.append(request.messages[0].content)
        return script(request)

    monkeypatch.setattr(session, "open_teacher", lambda *_: Scripted(script=answer))
    return asked


def refusing(*refused: str) -> Script:
    def script(request: Request) -> str:
        if request.messages[0].content in refused:
            raise CallRejected("no")
        return f" 答{request.messages[0].content} "

    return script


def test_failures_are_counted_and_only_they_are_asked_again(opened, monkeypatch):
    wanted = talks("甲", "乙", "丙")
    asked = teach(monkeypatch, refusing("乙", "丙"))
    first = ask_all(opened._work, "", wanted.items(), 3)
    assert first.results == {"甲": "答甲"}
    assert set(first.failures) == {"乙", "丙"}
    with pytest.raises(RawtuneError, match=r"^2 of 3 things came to nothing; most often: no$") as caught:
        first.whole("things came to nothing")
    assert caught.value.hint == "run the same command again: only these are asked again"
    assert [request.messages[0].content for request in unpaid(opened._work, wanted.values())] == ["乙", "丙"]
    asked.clear()
    teach(monkeypatch, refusing())
    second = ask_all(opened._work, "", wanted.items(), 3)
    assert second.whole("") == {name: f"答{name}" for name in wanted}
    assert asked == [], "the new script was asked"


def test_what_is_stored_opens_no_teacher(opened, monkeypatch):
    teach(monkeypatch, refusing())
    said = ask_one(opened._work, "", *talks("甲").values())
    monkeypatch.setattr(asking, "open_session", lambda *_: pytest.fail("opened"))
    assert ask_one(opened._work, "", *talks("甲").values()) == said == "答甲"
    assert ask_all(opened._work, "", talks("甲").items(), 1).whole("") == {"甲": "答甲"}
    assert ask_all(opened._work, "", [], 0).whole("") == {}


def test_a_run_that_is_stopped_keeps_what_it_has_and_says_why(opened, monkeypatch):
    def script(request: Request) -> str:
        if request.messages[0].content == "乙":
            raise KeyRejected("wrong key")
        return "答"

    teach(monkeypatch, script)
    ask_one(opened._work, "", *talks("甲").values())
    stopped = ask_all(opened._work, "", talks("甲", "乙").items(), 2)
    assert stopped.results == {"甲": "答"}
    assert stopped.failures == {}
    with pytest.raises(KeyRejected, match="wrong key"):
        stopped.whole("")
    with pytest.raises(KeyRejected):
        ask_one(opened._work, "", *talks("乙").values())


def test_one_conversation_that_fails_raises_its_error(opened, monkeypatch):
    teach(monkeypatch, refusing("甲"))
    with pytest.raises(CallRejected, match=r"^no$"):
        ask_one(opened._work, "", *talks("甲").values())

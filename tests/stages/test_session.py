"""How the form of replies is found out."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rawtune import project
from rawtune.errors import CallRejected, KeyRejected, RawtuneError, TeacherError
from rawtune.llm.scripted import Scripted
from rawtune.project import Project
from rawtune.records import Reply, ReplyForm, Request
from rawtune.stages import session


class Endpoint(Scripted):
    """Writes rows as asked; ``refuses`` says to which request with which error."""

    forms = (ReplyForm.JSON_SCHEMA, ReplyForm.TEXT)

    def __init__(self) -> None:
        super().__init__(("content", "summary"))
        self.asked: list[Request] = []
        self.together = self.most = 0

    def refuses(self, request: Request) -> TeacherError | None:
        return None

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        error = self.refuses(request)
        self.together += 1
        self.most = max(self.most, self.together)
        await asyncio.sleep(0)
        self.together -= 1
        if error:
            raise error
        labelled = await super().complete(replace(request, schema=None))
        if request.schema is None:
            return labelled
        return Reply(
            json.dumps(dict(zip(request.schema["required"], re.findall('"(.+)"', labelled.text), strict=True)))
        )


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    endpoint = Endpoint()
    monkeypatch.setattr(session, "open_teacher", lambda *_: endpoint)
    return endpoint


@pytest.fixture
def book(tmp_path: Path) -> Path:
    settings = {"teacher": {"model": "scripted:", "concurrency": 8}, "synthesis": {"max_quarantined": 1}}
    return project.create(tmp_path / "book", "zhouyi-zh", limit=6, settings=settings)


def synthesised(book: Path) -> dict[str, Any]:
    with Project(book) as opened:
        return opened.synthesise()


def test_the_passages_of_a_pilot_are_asked_about_together_and_once(book: Path, endpoint: Endpoint) -> None:
    with Project(book) as opened:
        opened.pilot(3)
        assert len(endpoint.asked) == endpoint.most == 3
        assert opened.synthesise()["kept"] == 6
    assert len({request.key for request in endpoint.asked}) == len(endpoint.asked) == 6
    assert all(request.schema for request in endpoint.asked)


def test_a_form_that_is_refused_is_refused_for_those_of_the_pilot_alone(
    book: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = CallRejected("no such response_format", "")
    monkeypatch.setattr(endpoint, "refuses", lambda request: refusal if request.schema else None)
    assert synthesised(book)["kept"] == 6
    assert [request.schema is None for request in endpoint.asked].count(False) == 3


def test_a_passage_that_is_refused_in_every_form_holds_up_no_other(
    book: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = CallRejected("unfit to print", "")
    monkeypatch.setattr(endpoint, "refuses", lambda r: refusal if r.messages[1].content == worst else None)
    with Project(book) as opened:
        opened.read()
        worst = next(iter(opened._work.ledger.passages())).text
        with pytest.raises(RawtuneError, match="5 kept \\+ 0 quarantined \\+ 1 failed"):
            opened.synthesise()


def test_a_refused_key_stops_all_once_what_is_in_flight_came_home(
    book: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = KeyRejected("bad key", "")
    monkeypatch.setattr(endpoint, "refuses", lambda _: refusal if len(endpoint.asked) == 1 else None)
    with pytest.raises(KeyRejected):
        synthesised(book)
    with Project(book) as opened:
        assert len([*opened._work.ledger.answered()]) == len(endpoint.asked) - 1

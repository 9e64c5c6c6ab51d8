import asyncio
import os
import signal
import sys

import pytest
from tests.engine.simulation import Endpoint, ask, open_calls

from rawtune.engine import loop
from rawtune.engine.calls import Stopped
from rawtune.engine.draining import draining


async def kind():
    return type(asyncio.get_running_loop()).__module__


def test_it_is_uvloops_where_there_is_one():
    pytest.importorskip("uvloop")
    assert loop.run(kind()) == "uvloop"


def test_it_is_asyncios_elsewhere(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop.run(kind()).startswith("asyncio.")


def test_errors_come_through():
    async def fail():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        loop.run(fail())


def test_a_signal_is_heard_while_it_waits():
    async def work():
        calls = open_calls(Endpoint(seconds=60), limit=1)
        with draining(calls, lambda _: None):
            waiting = [asyncio.create_task(calls.reply(ask(text))) for text in "ab"]
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            with pytest.raises(Stopped):
                await waiting[1]
            waiting[0].cancel()

    loop.run(work())

"""The fixtures of the teachers' tests."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.llm.endpoint import Endpoint

from rawtune.records import Message, Parameters, Request


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    served = Endpoint()
    application = web.Application()
    application.router.add_post("/v1/chat/completions", served.handle)
    server = TestServer(application)
    await server.start_server()
    served.url = str(server.make_url("/v1"))
    yield served
    await server.close()


@pytest.fixture
def request_() -> Request:
    return Request("m", (Message("system", "整理成一行。"), Message("user", "蒙卦:山下出泉。")), Parameters())

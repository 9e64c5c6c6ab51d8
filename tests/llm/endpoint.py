"""An OpenAI-compatible endpoint on loopback whose faults a test scripts."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """Answers each call with the next of ``answers``, the last one again and again; keeps what it was asked."""

    url = ""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Answer] = [says("蒙卦象征启蒙。")]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(json.loads(await request.read()))
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


def completion(content: Any, usage: dict[str, int] | None, finish_reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    return body | {"usage": usage} if usage else body


def says(content: Any, usage: dict[str, int] | None = None, finish_reason: str = "stop") -> Answer:
    usage = usage or {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return sends(completion(content, usage, finish_reason))


def sends(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with ``body``: as JSON, or as it is if it is bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})

    return answer


async def cuts_off(request: web.Request) -> web.StreamResponse:
    """Promise a long body, send its beginning, drop the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.close()
    return response

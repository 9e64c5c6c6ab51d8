"""A chat endpoint for benchmarks, fast enough not to be what is measured: every reply comes LATENCY seconds later.

    python benchmarks/endpoint.py PORT LATENCY

It speaks just enough HTTP for aiohttp and httpx: keep-alive, Content-Length, one request at a time per connection.
"""

import asyncio
import json
import sys


def passage(number: int) -> str:
    """A Chinese passage of about 600 characters that no other passage equals."""
    return f"第{number}号水井\n" + "".join(f"第{number}号水井的第{i}块石头在村口，" for i in range(40)) + "井水清凉。"


def row(text: str) -> str:
    """The one right reply to a passage, as JSON: its heading, and its first 300 characters closed by a full stop."""
    heading, _, body = text.partition("\n")
    return json.dumps({"content": heading, "summary": body[:300] + "。"}, ensure_ascii=False)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, gap, body = self.buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
        if len(body) >= length:
            self.buffer = body[length:]
            asyncio.get_running_loop().call_later(self.latency, self.reply, json.loads(body[:length]))

    def reply(self, request: dict) -> None:
        said = row(request["messages"][-1]["content"])
        body = json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "bench",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
                "usage": {"prompt_tokens": 900, "completion_tokens": 320, "total_tokens": 1220},
            }
        ).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        if not self.transport.is_closing():
            self.transport.write(head + body)


async def serve(port: int, latency: float) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(latency), "127.0.0.1", port, backlog=4096
    )
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))

"""What a user has: the program, a project folder, and an OpenAI-compatible endpoint (here on loopback)."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class Endpoint:
    """A chat endpoint that keeps what it is asked. ``answer``, a request's JSON to status and body, may be replaced."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Answer = lambda request: (200, completion(write_row(request)))
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(application)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        status, body = self.answer(asked)
        return web.json_response(body, status=status)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def completion(text: str, finish_reason: str = "stop") -> dict[str, Any]:
    """The body of a chat completion."""
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "local",
        "choices": [{"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def write_row(request: dict[str, Any]) -> str:
    """What a good teacher sends, in the form asked for: the passage's heading, and the last sentences of its text."""
    passage = next(message["content"] for message in request["messages"] if message["role"] == "user")
    concept, answer = passage.splitlines()[0], "".join(re.findall(r"[^。.\n]+[。.]", passage)[-2:]).strip()
    if "response_format" in request:
        return json.dumps({"content": concept, "summary": answer}, ensure_ascii=False)
    return f'content:"{concept}"\nsummary:"{answer}"'


def environment(**extra: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return {**clean, "NO_COLOR": "1", "COLUMNS": "200", **extra}


def rawtune(
    folder: Path, *arguments: str, largest_file: int | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the program in ``folder`` as a user would; ``settings`` join the environment.

    No file may grow beyond ``largest_file`` bytes: what a program meets on a full disk, but for this process alone.
    """

    def limit() -> None:
        import resource

        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    variables = environment(**settings)
    if largest_file:  # coverage's own file would not fit either
        variables = {name: value for name, value in variables.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, "-m", "rawtune", *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limit,
    )


def interrupt_when(folder: Path, sign: str, *arguments: str, by: int = signal.SIGINT) -> tuple[int, str]:
    """Run the program and send it a signal as soon as a line with ``sign`` appears; its exit code and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rawtune", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    with process.stderr:
        for line in process.stderr:
            said.append(line)
            if sign in line:
                process.send_signal(by)
                sign = "\0"
    return process.wait(120), "".join(said)


def configure(folder: Path, changes: dict[str, str]) -> None:
    """Change settings of rawtune.yaml by hand, as a user would: ``{"  model": "openai:x"}`` replaces that line."""
    path = folder / "rawtune.yaml"
    text = path.read_text(encoding="utf-8")
    for name, value in changes.items():
        indent = name[: -len(name.lstrip())] if name[0] == " " else ""
        line = rf"^{indent}(?:# )?{re.escape(name.strip())}:.*$"  # lines that a recipe decides are commented out
        text, found = re.subn(line, f"{name}: {value}", text, count=1, flags=re.MULTILINE)
        assert found, name
    path.write_text(text, encoding="utf-8")


def make_project(
    folder: Path, student: Path, model: str, base_url: str | None, language: str = "zh", passages: int = 8
) -> Path:
    """A project of a few hexagrams with the tiny student."""
    assert rawtune(folder, "init", "book", "--example", f"zhouyi-{language}").returncode == 0
    project = folder / "book"
    raw = project / "raw" / "hexagrams.txt"
    raw.write_text("\n\n".join(raw.read_text(encoding="utf-8").split("\n\n")[:passages]), encoding="utf-8")
    changes = {
        "student": str(student),
        "  model": model,
        "  held_out": "0.25",
        "  epochs": "1",
        "  batch_size": "32",
        "  max_new_tokens": "8",
        "  general": "4",
    }
    if base_url:
        changes["  base_url"] = base_url
    configure(project, changes)
    return project


def report(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "reports" / "report.json").read_text(encoding="utf-8"))
    return found

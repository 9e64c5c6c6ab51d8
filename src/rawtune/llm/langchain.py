"""Every provider that LangChain knows, through its ``init_chat_model``."""

import os
import time
from collections.abc import Iterator
from typing import Any

from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    MissingDependency,
    ModelNotFound,
    ModelUnavailable,
    QuotaExhausted,
    RateLimited,
    TeacherError,
)
from rawtune.llm.quota import TOP_UP, tells_of_no_money
from rawtune.llm.tokens import estimate_tokens
from rawtune.records import Parameters, Reply, ReplyForm, Request

_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")


class LangChain:
    """A teacher called ``PROVIDER:NAME``. Without ``key`` and ``base_url`` its own variables and address hold."""

    writes_freely = True
    # Providers' ways of asking for JSON differ; the labelled lines need none.
    forms: tuple[ReplyForm, ...] = (ReplyForm.TEXT,)
    at_once: int | None = None

    def __init__(self, model: str, base_url: str | None, key: str | None, timeout: float) -> None:
        self.name = f"langchain:{model}"
        self._provider, _, self._model = model.partition(":")
        if not self._model:
            raise ModelUnavailable(f"langchain:{model} names no model", "write langchain:PROVIDER:NAME")
        self._options: dict[str, Any] = {"timeout": timeout, "max_retries": 0}  # the engine counts the tries
        if base_url:
            self._options["base_url"] = base_url
        if key:
            self._options["api_key"] = key
        self._chats: dict[Parameters, Any] = {}

    async def complete(self, request: Request) -> Reply:
        """Make one call; see ``Teacher``."""
        chat = self._chats.get(request.parameters) or self._open(request.parameters)
        messages = [(message.role, message.content) for message in request.messages]
        started = time.perf_counter()
        try:
            answer = await chat.ainvoke(messages, stop=list(request.parameters.stop) or None)
        except Exception as error:  # each provider has exceptions of its own
            raise self._translated(error) from error
        latency = time.perf_counter() - started
        text = answer.text if isinstance(answer.text, str) else answer.text()
        usage = answer.usage_metadata
        asked = usage["input_tokens"] if usage else sum(estimate_tokens(m.content) for m in request.messages)
        said = usage["output_tokens"] if usage else estimate_tokens(text)
        reason = answer.response_metadata.get("finish_reason") or answer.response_metadata.get("stop_reason")
        return Reply(text, _FINISH.get(str(reason), "stop"), asked, said, usage is None, latency)

    async def close(self) -> None:
        """LangChain keeps its clients to itself; nothing to release."""

    def _open(self, parameters: Parameters) -> Any:
        # LangSmith's tracing would send the passages to somebody whom rawtune.yaml does not name.
        for name in _TRACING:
            os.environ.pop(name, None)
        try:
            from langchain.chat_models import init_chat_model
        except ImportError as error:
            raise MissingDependency("LangChain is not installed", "pip install 'rawtune[langchain]'") from error
        names = ("temperature", "top_p", "max_tokens", "seed")
        set_ones = {name: value for name in names if (value := getattr(parameters, name)) is not None}
        try:
            chat = init_chat_model(self._model, model_provider=self._provider, **self._options, **set_ones)
        except ImportError as error:
            raise MissingDependency(
                f"{self.name}: {error}",
                f"install the provider's package, such as: pip install langchain-{self._provider}",
            ) from error
        except Exception as error:  # no key, an unknown provider, a parameter that it does not take
            if "key" in str(error).lower():
                raise KeyRejected(f"{self.name}: {error}", "put the provider's key into the environment") from error
            raise ModelUnavailable(f"{self.name}: {error}", "check the provider's name in teacher.model") from error
        self._chats[parameters] = chat
        return chat

    def _translated(self, error: Exception) -> TeacherError:
        """Providers' clients agree on little but the HTTP status; without one it is the connection that failed."""
        status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
        status = status if isinstance(status, int) else 0
        said = str(error)
        # A provider's own variable may hold the key, too.
        keys = [value for name, value in os.environ.items() if name.endswith("_API_KEY")]
        for key in filter(None, [self._options.get("api_key"), *keys]):
            said = said.replace(key, "***")
        said = f"{self.name}: {' '.join(said.split())[:300]}"
        translated = _kind(status, said, error)
        translated.status = status or translated.status
        return translated


def _kind(status: int, said: str, error: Exception) -> TeacherError:
    words = f"{error} {getattr(error, 'body', '')}"  # OpenAI's and Anthropic's errors keep code and type there
    if status == 402 or (status == 429 and tells_of_no_money(words)):
        return QuotaExhausted(said, TOP_UP)
    if status == 429:
        return RateLimited(said, "lower teacher.concurrency", _retry_after(error))
    if status in (401, 403):
        return KeyRejected(said, "put a valid key into the environment (teacher.api_key_env, default OPENAI_API_KEY)")
    if status == 404:
        return ModelNotFound(said, "check teacher.model and teacher.base_url")
    if status == 408 or status >= 500 or (not status and _is_of_connection(error)):
        return EndpointDown(
            said,
            "check that the endpoint is up; then run the same command again",
            _retry_after(error),
            sent=bool(status) or not _never_connected(error),
        )
    return CallRejected(said, "check the settings under 'teacher'")


_FINISH = {"length": "length", "max_tokens": "length", "MAX_TOKENS": "length"}
"""Providers' words for an answer that was cut off at the length limit."""

_NO_CONNECTION = {"ConnectError", "ConnectTimeout", "ConnectTimeoutError", "NewConnectionError", "ClientConnectorError"}
"""Of httpx, requests with urllib3, and aiohttp, named since none of them need be installed."""


def _is_of_connection(error: BaseException) -> bool:
    """Whether an error without an HTTP status is, or comes from, a connection that failed or took too long."""
    words = ("Connect", "Timeout", "Deadline", "Unavailable", "Protocol")
    return any(
        isinstance(cause, OSError) or any(word in type(cause).__name__ for word in words) for cause in _causes(error)
    )


def _never_connected(error: BaseException) -> bool:
    """Whether an error is, or comes from, a connection that was never made."""
    kinds = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
    return not kinds.isdisjoint(_NO_CONNECTION)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None

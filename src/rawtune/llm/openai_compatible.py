"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, DeepSeek, Zhipu, a private ChatGLM3.

On aiohttp: at hundreds of connections it costs a fraction of what the usual clients do.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    TeacherError,
    UsageError,
)
from rawtune.llm.quota import TOP_UP, tells_of_no_money
from rawtune.llm.tokens import estimate_tokens
from rawtune.records import ANY_OBJECT, Reply, ReplyForm, Request

OPENAI = "https://api.openai.com/v1"
_LONGEST_MESSAGE = 300


class OpenAICompatible:
    """A teacher behind ``POST base_url/chat/completions``. ``timeout`` is in seconds, for one whole call.

    Raises ``UsageError`` for a ``base_url`` that is no web address. ``key_name`` is the variable that held the key,
    for messages; the key itself never shows in one.
    """

    writes_freely = True
    forms: tuple[ReplyForm, ...] = (ReplyForm.JSON_SCHEMA, ReplyForm.JSON_OBJECT, ReplyForm.TEXT)
    at_once: int | None = None

    def __init__(self, model: str, base_url: str | None, key: str | None, key_name: str, timeout: float) -> None:
        self.name = f"openai:{model}"
        self.base_url = (base_url or OPENAI).rstrip("/")
        if not _is_web_address(self.base_url):
            raise UsageError(
                f"teacher.base_url '{base_url}' is no web address", "write it like http://127.0.0.1:8000/v1"
            )
        if "@" in urlsplit(self.base_url).netloc:
            raise UsageError(
                "teacher.base_url holds a user name or a password", "put the key into the environment (api_key_env)"
            )
        self._address = URL(f"{self.base_url}/chat/completions")
        self._model = model
        self._key = key
        self._key_name = key_name
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Reply:
        """Make one call; see ``Teacher``."""
        started = time.perf_counter()
        status = 0
        try:
            # A redirect would turn the POST into a GET: better to name it than to follow.
            async with self._opened().post(self._address, data=self._body(request), allow_redirects=False) as response:
                status = response.status
                body = await response.read()
        except TimeoutError as error:
            raise EndpointDown(
                f"{self.base_url}: no reply within {self._timeout:g} s",
                "raise teacher.timeout, or check the endpoint",
                status=status,
            ) from error
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError, too
            raise EndpointDown(
                f"{self.base_url}: {error or type(error).__name__}",
                _CHECK_ADDRESS,
                status=status,
                sent=not isinstance(error, aiohttp.ClientConnectorError),
            ) from error
        if status != 200:
            refusal = self._refusal(status, response.headers.get("Retry-After"), body)
            refusal.status = status
            raise refusal
        return self._read(body, request, time.perf_counter() - started)

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session; made at the first call, inside the event loop that it belongs to."""
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            # The engine limits how many calls are in flight; a second limit here would only hide it.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),  # no call is to depend on another; and looking them up costs
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            )
        return self._session

    def _body(self, request: Request) -> bytes:
        parameters = request.parameters
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        }
        for name in ("temperature", "top_p", "max_tokens", "seed"):
            if (value := getattr(parameters, name)) is not None:
                body[name] = value
        if parameters.stop:
            body["stop"] = list(parameters.stop)
        if request.schema is not None:
            body["response_format"] = _response_format(request.schema)
        return orjson.dumps(body)

    def _refusal(self, status: int, retry_after: str | None, body: bytes) -> TeacherError:
        """The error for a status other than 200, in the words of the endpoint."""
        said = self._quoted(_message(body))
        where = f"{self.base_url}: HTTP {status}: {said}"
        if status == 402 or (status == 429 and tells_of_no_money(_words(body))):
            return QuotaExhausted(where, TOP_UP)
        if status == 429:
            return RateLimited(where, "lower teacher.concurrency", _seconds(retry_after))
        if status in (401, 403):
            return KeyRejected(where, f"put a valid key into the environment: export {self._key_name}=...")
        if status == 404:
            return ModelNotFound(
                f"{where} (model '{self._model}')",
                "check teacher.model and teacher.base_url; most addresses end in /v1",
            )
        if status >= 500 or status == 408:
            return EndpointDown(where, _CHECK_ADDRESS, _seconds(retry_after))
        return CallRejected(where, "check the settings under 'teacher'")

    def _read(self, body: bytes, request: Request, latency: float) -> Reply:
        try:
            completion = _tree(body)
            choice = completion["choices"][0]
            content = choice["message"].get("content") or ""
            usage = completion.get("usage") or {}
            if not isinstance(content, str) or not isinstance(usage, dict):
                raise TypeError("content is no text")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise EndpointDown(
                f"{self.base_url}: the reply is no chat completion: {self._quoted(_text(body))!r}",
                _CHECK_ADDRESS,
                status=200,
            ) from error
        content = _encodable(content)
        reason = _encodable(str(choice.get("finish_reason") or "stop"))
        asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if _is_count(asked) and _is_count(said):
            return Reply(content, reason, asked, said, latency=latency)
        asked = sum(estimate_tokens(message.content) for message in request.messages)
        return Reply(content, reason, asked, estimate_tokens(content), estimated=True, latency=latency)

    def _quoted(self, text: str) -> str:
        """``text`` without the key, on one line, shortened."""
        text = _encodable(text.replace(self._key, "***") if self._key else text)
        return " ".join(text.split())[:_LONGEST_MESSAGE]


_CHECK_ADDRESS = "check that the endpoint is up and that teacher.base_url is right; then run the same command again"


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    if schema == ANY_OBJECT:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}


def _tree(body: bytes) -> Any:
    """JSON as endpoints write it: the standard library takes a BOM, NaN and halves of surrogate pairs, too."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def _encodable(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can escape but no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _is_count(value: Any) -> TypeGuard[int]:
    """Whether an endpoint's count of tokens can be one."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _message(body: bytes) -> str:
    """The endpoint's own words out of an error body; OpenAI, FastAPI and Ollama each have a shape of theirs."""
    try:
        tree = json.loads(body)
        error = tree.get("error", tree)
        said = error.get("message") or tree.get("detail") if isinstance(error, dict) else error
    except (ValueError, AttributeError, RecursionError):
        said = None
    return str(said or _text(body) or "no message")


def _words(body: bytes) -> str:
    """All of an error body, its code and type too, with escaped characters as themselves."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return _text(body)


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header, as seconds or an HTTP date (RFC 9110, 10.2.3), to seconds from now."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None

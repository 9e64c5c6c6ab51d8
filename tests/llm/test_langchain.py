import asyncio
import os
import sys

import pytest
from tests.llm.endpoint import completion, cuts_off, says, sends

from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    MissingDependency,
    ModelNotFound,
    ModelUnavailable,
    QuotaExhausted,
    RateLimited,
)
from rawtune.llm.langchain import LangChain
from rawtune.records import Message, Parameters, Request

KEY = "sk-geheim-0123456789"


@pytest.fixture
def teacher(endpoint):
    return LangChain("openai:qwen", endpoint.url, KEY, timeout=30)


async def refusal(teacher, request, kind):
    with pytest.raises(kind) as caught:
        await teacher.complete(request)
    assert type(caught.value) is kind
    assert KEY not in f"{caught.value.message} {caught.value.hint}"
    assert "langchain:openai:qwen" in caught.value.message
    return caught.value


async def test_a_reply_with_its_usage(endpoint, teacher, request_):
    reply = await teacher.complete(request_)
    assert (reply.text, reply.finish_reason) == ("蒙卦象征启蒙。", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.estimated) == (11, 7, False)
    assert reply.latency > 0
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"
    asked = endpoint.asked[0]
    assert asked["model"] == "qwen"
    assert [(m["role"], m["content"]) for m in asked["messages"]] == [
        ("system", "整理成一行。"),
        ("user", "蒙卦:山下出泉。"),
    ]
    assert not {"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop"} & asked.keys()


async def test_parameters_arrive(endpoint, teacher):
    await teacher.complete(Request("m", (Message("user", "蒙"),), Parameters(0.0, 0.9, 5, 3, ("。",))))
    asked = endpoint.asked[0]
    assert (asked["temperature"], asked["top_p"], asked["seed"], asked["stop"]) == (0.0, 0.9, 3, ["。"])
    assert 5 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))


async def test_each_request_has_its_own_parameters(endpoint, teacher):
    for temperature in (0.0, 1.0, 0.0):
        await teacher.complete(Request("m", (Message("user", "蒙"),), Parameters(temperature)))
    assert [asked["temperature"] for asked in endpoint.asked] == [0.0, 1.0, 0.0]


async def test_counts_are_estimated_where_the_endpoint_gives_none(endpoint, teacher, request_):
    endpoint.answers = [sends(completion("蒙卦象征启蒙。", None))]
    reply = await teacher.complete(request_)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.estimated) == (6 + 7, 7, True)


async def test_a_reply_cut_at_the_length_limit_says_so(endpoint, teacher, request_):
    endpoint.answers = [says("蒙", finish_reason="length")]
    assert (await teacher.complete(request_)).finish_reason == "length"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, CallRejected),
        (401, KeyRejected),
        (402, QuotaExhausted),
        (403, KeyRejected),
        (404, ModelNotFound),
        (408, EndpointDown),
        (422, CallRejected),
        (429, RateLimited),
        (500, EndpointDown),
        (503, EndpointDown),
    ],
)
async def test_an_http_error_is_translated_and_not_repeated(endpoint, teacher, request_, status, kind):
    endpoint.answers = [sends({"error": {"message": f"错误 {KEY}"}}, status, {"Retry-After": "7"})]
    error = await refusal(teacher, request_, kind)
    assert "错误" in error.message
    assert len(endpoint.asked) == 1
    assert error.status == status
    if kind in (RateLimited, EndpointDown):
        assert error.retry_after == 7
    if kind is EndpointDown:
        assert error.sent


@pytest.mark.parametrize("said", [{"code": "insufficient_quota", "message": "x"}, {"message": "账户已欠费"}])
async def test_an_account_without_money_is_not_waited_for(endpoint, teacher, request_, said):
    endpoint.answers = [sends({"error": said}, 429)]
    assert "top up" in (await refusal(teacher, request_, QuotaExhausted)).hint


@pytest.mark.parametrize("answer", [cuts_off, sends(b"<html>")])
async def test_a_broken_body_is_never_taken_for_a_reply(endpoint, teacher, request_, answer):
    endpoint.answers = [answer]
    with pytest.raises((EndpointDown, CallRejected)):
        await teacher.complete(request_)


async def test_nobody_there(request_):
    teacher = LangChain("openai:qwen", "http://127.0.0.1:1/v1", KEY, timeout=30)
    error = await refusal(teacher, request_, EndpointDown)
    assert (error.status, error.sent) == (0, False)


async def test_too_slow(endpoint, request_):
    released = asyncio.Event()

    async def hangs(request):
        await released.wait()
        return await says("late")(request)

    endpoint.answers = [hangs]
    error = await refusal(LangChain("openai:qwen", endpoint.url, KEY, timeout=0.05), request_, EndpointDown)
    released.set()
    assert (error.status, error.sent) == (0, True)


async def test_a_fault_that_has_nothing_to_do_with_the_connection_is_final(teacher, request_, monkeypatch):
    await teacher.complete(request_)
    (chat,) = teacher._chats.values()

    async def breaks(*_, **__):
        raise TypeError("unexpected keyword")

    monkeypatch.setattr(type(chat), "ainvoke", breaks)
    await refusal(teacher, request_, CallRejected)


async def test_no_key_in_the_environment(request_, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    await refusal(LangChain("openai:qwen", None, None, timeout=30), request_, KeyRejected)


async def test_no_package_for_the_provider(request_, monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_groq", None)
    with pytest.raises(MissingDependency) as caught:
        await LangChain("groq:llama", None, KEY, timeout=30).complete(request_)
    assert "pip install langchain-groq" in caught.value.hint


async def test_no_langchain(request_, monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(MissingDependency) as caught:
        await LangChain("openai:qwen", None, KEY, timeout=30).complete(request_)
    assert "rawtune[langchain]" in caught.value.hint


async def test_no_such_provider(request_):
    with pytest.raises(ModelUnavailable, match="nobody"):
        await LangChain("nobody:x", None, KEY, timeout=30).complete(request_)


def test_no_model_named():
    with pytest.raises(ModelUnavailable):
        LangChain("openai", None, KEY, timeout=30)


def test_passages_are_not_traced_to_anybody_else(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    LangChain("openai:x", "http://127.0.0.1:9/v1", "sk-x", 1)._open(Parameters())
    assert not {"LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"} & set(os.environ)

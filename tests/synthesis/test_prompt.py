import re

import pytest

from rawtune.config import Config
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.reply import parse

COLUMNS = [("content", "summary"), ("question", "answer"), ("概念", "解读"), ("Q", "a_2")]


def build(**settings):
    return prompts.build(Config.model_validate({"name": "test", **settings}))


@pytest.mark.parametrize(
    ("language", "headings"),
    [("en", ["Task", "Example", "Response format"]), ("zh", ["任务", "示例", "返回格式"])],
)
def test_the_system_message_has_its_three_parts_in_order(language, headings):
    prompt = build(language=language)
    assert re.findall(r"^# (.*)$", prompt.system, re.MULTILINE) == headings
    task, example, form = re.split(r"^# .*\n", prompt.system, flags=re.MULTILINE)[1:]
    assert task.strip() == prompt.task
    assert prompt.example.passage in example
    assert prompt.example.answer in example
    assert form.rstrip().endswith('content:"..."\nsummary:"..."')
    assert "{" not in prompt.system


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("columns", COLUMNS)
def test_the_format_and_the_example_follow_the_columns(language, columns):
    prompt = build(language=language, columns=columns)
    assert prompt.system.endswith(f'{columns[0]}:"..."\n{columns[1]}:"..."')
    assert prompt.row(prompt.example.concept, prompt.example.answer) in prompt.system
    if columns != ("content", "summary"):
        assert 'content:"' not in prompt.system
        assert 'summary:"' not in prompt.system


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("columns", COLUMNS)
def test_a_teacher_that_does_as_the_prompt_shows_is_understood(language, columns):
    prompt = build(language=language, columns=columns)
    parsed = parse(prompt.row(prompt.example.concept, prompt.example.answer), columns)
    assert (parsed.concept, parsed.answer) == (prompt.example.concept, prompt.example.answer)
    assert not parsed.repairs


def test_the_packaged_prompt_is_of_its_language():
    assert not re.search(r"[\u4e00-\u9fff]", build(language="en").system)
    assert not re.search(r"[A-Za-z]", build(language="zh", columns=("概念", "解读")).system)


@pytest.mark.parametrize("passage", ["山下出泉。", "A spring below a mountain {{ task }} {0} # Task"])
def test_the_passage_goes_into_the_user_role_as_it_is(passage):
    system, user = build().messages(passage)
    assert (system.role, user.role, user.content) == ("system", "user", passage)
    assert passage not in system.content


def test_the_users_task_and_example_are_used_as_they_are_written():
    example = {"passage": '山下{{ "出" }}泉', "concept": "蒙卦 {0}", "answer": "他说“启蒙”。"}
    prompt = build(language="zh", prompt={"task": "  只写一句话 {% raw %} {task}。\n", "example": example})
    assert "# 任务\n只写一句话 {% raw %} {task}。\n" in prompt.system
    assert '山下{{ "出" }}泉' in prompt.system
    assert 'content:"蒙卦 {0}"\nsummary:"他说“启蒙”。"' in prompt.system
    assert "苍鹭" not in prompt.system


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
    prompt.messages("some passage")
    assert prompt.hash == before
    assert build(teacher={"temperature": 0.9}, synthesis={"repeats": 0}, training={"epochs": 1}).hash == before
    assert build(prompt={"task": f"{prompt.task}\n"}).hash == before


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_fault_is_named_when_a_reply_is_asked_again(language):
    message = build(language=language).repeat(["the key {x} is missing", "键“来源”多余"])
    assert message.role == "user"
    assert "- the key {x} is missing\n- 键“来源”多余" in message.content
    assert "{faults}" not in message.content

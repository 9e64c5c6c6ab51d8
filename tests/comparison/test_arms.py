from pathlib import Path

import pytest

from rawtune.comparison.arms import Kind, line_up, with_passage


def names(*folders, **others):
    return [arm.name for arm in line_up([Path(folder) for folder in folders], **others)]


def test_base_is_first_and_alone_if_nothing_is_named():
    assert names() == ["base"]
    assert [arm.kind for arm in line_up([Path("a")], retrieval=True, endpoints=["openai:x"])] == [*Kind]


def test_adapters_go_by_their_folders_names():
    assert names("models/small", "/elsewhere/large") == ["base", "small", "large"]


def test_folders_of_one_name_are_told_apart():
    assert names("a/lora", "b/lora", "c/other") == ["base", "a/lora", "b/lora", "other"]
    assert names("x/a/lora", "y/a/lora", "lora") == ["base", "x/a/lora", "y/a/lora", "lora"]
    assert len(set(names("lora", "a/lora", "b/a/lora"))) == 4


def test_an_adapter_cannot_take_the_name_of_base():
    assert names("models/base") == ["base", "models/base"]


def test_what_is_named_twice_is_asked_once():
    assert names("a/lora", "a/lora", endpoints=["openai:x", "openai:x"]) == ["base", "lora", "openai:x"]


@pytest.mark.parametrize(("language", "asks"), [("en", "Question: Why {not}?"), ("zh", "问题：Why {not}?")])
def test_the_passage_stands_before_the_question(language, asks):
    prompt = with_passage("Why {not}?", "Braces {stay} as they are.", language)
    assert prompt.endswith(asks)
    assert prompt.index("Braces {stay} as they are.") < prompt.index(asks)

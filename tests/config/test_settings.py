import pytest
from tests.config.yaml_file import faults, load


@pytest.mark.parametrize("model", ["gpt-4o", "ollama:llama3", "openai:", "openai", "embedded:", "langchain:", ""])
def test_an_unknown_teacher_is_refused_and_the_known_ones_named(tmp_path, model):
    ((line, message),) = faults(tmp_path, f"name: x\nteacher:\n  model: '{model}'")
    assert line == 3
    for kind in ("embedded:smollm2", "openai:NAME", "langchain:PROVIDER:NAME", "scripted:", "base_url"):
        assert kind in message


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o-mini", "openai:org/m:free", "langchain:a:b", "embedded:smollm2", "scripted:"]
)
def test_known_teachers_are_taken(tmp_path, model):
    assert load(tmp_path, f"name: x\nteacher: {{model: '{model}'}}").teacher.model == model


@pytest.mark.parametrize(
    "columns", ["[a, a]", "[content, Content]", "[a b, c]", "['', b]", "[1a, b]", "[a, b, c]", "[a-b, c]", "content"]
)
def test_columns_that_no_reply_could_be_read_by_are_refused(tmp_path, columns):
    found = faults(tmp_path, f"name: x\n\ncolumns: {columns}")
    assert {line for line, _ in found} == {3}

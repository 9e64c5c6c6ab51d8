import codecs

import pytest
from tests.config.yaml_file import faults, load

from rawtune import config
from rawtune.config import Config
from rawtune.errors import ConfigError, UsageError


def test_a_name_is_enough(tmp_path):
    settings = load(tmp_path, "name: my-project\n")
    assert settings == Config(name="my-project")
    assert settings.teacher.model == "embedded:smollm2"
    assert settings.columns == ("content", "summary")


@pytest.mark.parametrize("name", ["易经", "a", "2026", "v1.2-beta_3"])
def test_a_name_may_be_chinese_or_begin_with_a_digit(tmp_path, name):
    assert load(tmp_path, f"name: '{name}'").name == name


@pytest.mark.parametrize("name", ["''", "../up", "a/b", "'a b'", "-a", ".a", '"a\\n"', "3", "null", "[a]"])
def test_a_name_that_could_not_name_a_file_is_refused(tmp_path, name):
    ((line, message),) = faults(tmp_path, f"# comment\nname: {name}")
    assert line == 2
    assert "'name'" in message


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_setting_is_read(tmp_path, mark, line_end):
    text = """\
name: 易经
language: zh
columns: [概念, 解读]
student: ./models/chatglm3
passages: {max_tokens: 256, held_out: 0}
teacher:
  model: langchain:anthropic:claude
  base_url: http://localhost:8000/v1
  temperature: 0
  top_p: 1
  max_tokens: null
  seed: 7
  stop: ["\\n\\n", 。]
  price: {input: 2.5, output: 10, currency: 元}
prompt:
  task: 写一句话
  example: {passage: 山下出泉, concept: 蒙, answer: 启蒙。}
synthesis: {pilot: 0, repeats: 0, max_quarantined: 1}
augmentation: {templates: questions.yaml}
training: {quantise: nf4, batch_size: 8, micro_batch_size: 2}
comparison: {outside: [法国的首都是哪里？]}
"""
    (tmp_path / "rawtune.yaml").write_bytes(mark + text.encode().replace(b"\n", line_end))
    settings = config.load(tmp_path)
    assert settings.columns == ("概念", "解读")
    assert settings.teacher.stop == ("\n\n", "。")
    assert settings.teacher.price.currency == "元"
    assert (settings.teacher.temperature, settings.teacher.max_tokens) == (0, None)
    assert settings.prompt.example.concept == "蒙"
    assert settings.training.quantise == "nf4"
    assert settings.comparison.outside == ("法国的首都是哪里？",)


def test_every_fault_is_reported_at_once_with_its_line(tmp_path):
    text = """\
# a project
language: fr
columns: [content]
tacher:
  model: x
teacher:
  model: gpt-4o-mini
  temperture: 0.3
  price:
    input: 1
    ouput: 2
passages:

  held_out: 1.5
prompt:
  example:
    concept: 蒙
training:
  batch_size: 8
  micro_batch_size: 3
synthesis: {pilot: many}
"""
    found = faults(tmp_path, text)
    expected = [
        (1, "'name' is missing"),
        (2, "'language'"),
        (3, "'columns.1' is missing"),
        (4, "unknown key 'tacher'; did you mean 'teacher'?"),
        (7, "'teacher.model': write embedded:smollm2, openai:NAME"),
        (8, "unknown key 'teacher.temperture'; did you mean 'temperature'?"),
        (9, "'teacher.price.output' is missing"),
        (11, "unknown key 'teacher.price.ouput'; did you mean 'output'?"),
        (14, "'passages.held_out'"),
        (16, "'prompt.example.passage' is missing"),
        (16, "'prompt.example.answer' is missing"),
        (18, "micro_batch_size must divide batch_size"),
        (21, "'synthesis.pilot'"),
    ]
    assert sorted(line for line, _ in found) == [line for line, _ in expected]
    for line, message in expected:
        assert sum(at == line and message in text for at, text in found) == 1, (line, message, found)


def test_a_fault_shows_what_was_found(tmp_path):
    ((_, message),) = faults(tmp_path, "name: x\npasses: 1")
    assert message == "unknown key 'passes'; did you mean 'passages'?"
    for share in ("1.5", "1"):
        ((_, message),) = faults(tmp_path, f"name: x\npassages: {{held_out: {share}}}")
        assert message.endswith(f"(found {share})")


def test_an_unknown_key_like_no_other_lists_those_that_are_known(tmp_path):
    ((_, message),) = faults(tmp_path, "name: x\nteacher: {口令: x}")
    assert "known here: model, base_url" in message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: x\nteacher: [", 2, ""),
        ("name: x\n\tteacher: y", 2, ""),
        ("name: x\nlanguage: en\nname: y", 3, "duplicate key"),
        ("name: x\n---\nname: y", 2, ""),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(tmp_path, text, line, message):
    ((at, found),) = faults(tmp_path, text)
    assert at == line
    assert message in found


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "- a\n- b", "just text", "3", "null"])
def test_a_file_without_settings_says_the_least_it_needs(tmp_path, text):
    with pytest.raises(ConfigError, match="holds no settings") as caught:
        load(tmp_path, text)
    assert "name: my-project" in caught.value.hint


@pytest.mark.parametrize("data", ["name: 易经".encode("gb18030"), b"name: \x00x", "name: x".encode("utf-16")])
def test_a_file_that_is_no_text_is_a_fault(tmp_path, data):
    (tmp_path / "rawtune.yaml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path)
    assert str(tmp_path / "rawtune.yaml") in caught.value.message


def test_a_folder_without_the_file_says_how_to_make_one(tmp_path):
    with pytest.raises(UsageError, match=r"no rawtune\.yaml in") as caught:
        config.load(tmp_path)
    assert "rawtune init" in caught.value.hint


def test_a_value_left_blank_is_no_default(tmp_path):
    """A heading with nothing under it is that section's defaults; a setting with nothing behind it is a slip."""
    assert load(tmp_path, "name: x\ntraining:\n") == Config(name="x")
    [(line, message)] = faults(tmp_path, "name: x\nstudent:\n")
    assert (line, message.startswith("'student'")) == (2, True)


def test_a_rule_about_several_settings_does_not_print_their_section(tmp_path):
    ((line, message),) = faults(tmp_path, "name: book\ntraining:\n  processes: 3\n")
    assert line == 2
    assert message == "'training': processes, times micro_batch_size if that is set, must divide batch_size"

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config.yaml_file import load

from rawtune import config
from rawtune.config import Config

# The file that `init` writes

NAMES = [
    "my-project",
    "易经",
    "123",
    "1e3",
    "0x1F",
    "1_000",
    "2026-11-22",
    "yes",
    "no",
    "null",
    "true",
    "NaN",
    "_",
    "a.b",
    "1.5",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_commented_file_loads_back_to_the_defaults(tmp_path, name):
    assert load(tmp_path, config.commented(name=name)) == Config(name=name)


first = st.characters(categories=("Lu", "Ll", "Lo", "Nd"), include_characters="_")
rest = st.text(st.characters(categories=("Lu", "Ll", "Lo", "Nd"), include_characters="_.-"), max_size=20)


@given(st.builds("{}{}".format, first, rest))
def test_the_commented_file_loads_back_for_any_name(tmp_path_factory, name):
    assert load(tmp_path_factory.mktemp("project"), config.commented(name=name, language="zh")) == Config(
        name=name, language="zh"
    )


def test_the_commented_file_holds_every_setting_with_its_description():
    text = config.commented(name="x")

    def check(section, indent):
        for name, field in section.model_fields.items():
            assert re.search(rf"^{indent}(# )?{name}:", text, re.MULTILINE)
            assert not field.description or field.description in text
            if isinstance(field.default, config.Section):
                check(type(field.default), indent + "  ")

    check(Config, "")


@pytest.mark.parametrize(
    "value", ["C:\\models\\m #1", "[x", "@org/m", "`m`", "a: b", "- a", "%x", "'x", "模型，v1", "#x", "x:"]
)
def test_given_settings_are_quoted_where_yaml_needs_it(tmp_path, value):
    assert load(tmp_path, config.commented(name="x", student=value)).student == value

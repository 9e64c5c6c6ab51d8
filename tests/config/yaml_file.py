"""A rawtune.yaml of a test, loaded, and what is wrong with it."""

import re

import pytest

from rawtune import config
from rawtune.errors import ConfigError


def load(folder, text):
    (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    return config.load(folder)


def faults(folder, text):
    """Line number and message of every fault."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    prefix = re.escape(str(folder / config.FILE_NAME))
    return [(int(n), text) for n, text in re.findall(rf"^{prefix}:(\d+): (.*)$", caught.value.message, re.MULTILINE)]

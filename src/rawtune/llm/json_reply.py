"""The JSON object that a reply was asked for, whatever stands around it."""

import json
import re
from typing import Any

from rawtune.records import Reply

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)  # of reasoning models served without a parser for it
_CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS"})  # OpenAI's, Anthropic's, Google's


def read_object(reply: Reply) -> dict[str, Any]:
    """The one JSON object of a reply; a code fence or prose may stand around it.

    Raises ``ValueError`` saying what the reply "is" or "was"; a key that is doubled leaves open what is meant.
    """
    if reply.finish_reason in _CUT_OFF:
        raise ValueError("was cut off at the length limit")
    text = _THOUGHT.sub("", reply.text)
    try:
        tree: dict[str, Any] = json.loads(
            text[text.index("{") : text.rindex("}") + 1], object_pairs_hook=_without_doubles
        )
    except (ValueError, RecursionError):
        raise ValueError("is not a JSON object") from None
    return tree


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        raise ValueError("a doubled key")
    return tree

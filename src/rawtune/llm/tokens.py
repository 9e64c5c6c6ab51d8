"""Token counts without a tokenizer: for limits and forecasts, where the model's own is not at hand."""

import re

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CHARACTERS_PER_TOKEN = 4
"""Of alphabetic text; OpenAI's rule of thumb. A CJK character counts as one token, which errs on the safe side."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a chat model makes of ``text``; at least 1 for any text, 0 for none."""
    cjk = len(_CJK.findall(text))
    return cjk + -(-(len(text) - cjk) // _CHARACTERS_PER_TOKEN)

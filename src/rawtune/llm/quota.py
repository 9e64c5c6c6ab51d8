"""Too many calls, or no money? Endpoints answer both with HTTP 429 and tell them apart in words only."""

import re

TOP_UP = "top up the account, or choose another endpoint under 'teacher'"

_NO_MONEY = re.compile(
    r"insufficient[ _](?:quota|balance)|balance[^.]{0,20}insufficient|exceeded[ _](?:your[ _])?current[ _]quota"
    r"|(?<![\w/])billing|余额不足|欠费",
    re.IGNORECASE,
)
_COMES_BACK = re.compile(r"retry in|try again in|retry_?delay|rate_limit_exceeded", re.IGNORECASE)


def tells_of_no_money(words: str) -> bool:
    """Whether a refusal with status 429 means that the account has nothing left to spend.

    Whoever says when to come back means a rate: Gemini's limits per minute, too, read "exceeded your current quota".
    """
    return bool(_NO_MONEY.search(words)) and not _COMES_BACK.search(words)

"""A teacher that follows a script: deterministic, for offline trials and tests; never evidence of anything."""

import json
import re
from collections.abc import Callable

from rawtune.llm.tokens import estimate_tokens
from rawtune.records import Reply, ReplyForm, Request

Script = Callable[[Request], str | Reply]
"""What to answer; a script may also raise a ``TeacherError``."""


class Scripted:
    """A teacher that answers by ``script``; by default with each passage's heading and first sentences."""

    name = "scripted:"
    writes_freely = True
    forms: tuple[ReplyForm, ...] = (ReplyForm.TEXT,)
    at_once: int | None = None

    def __init__(self, columns: tuple[str, str] = ("content", "summary"), script: Script | None = None) -> None:
        self._columns = columns
        self._script = script or self._row

    async def complete(self, request: Request) -> Reply:
        """Answer by the script, at once."""
        said = self._script(request)
        if isinstance(said, Reply):
            return said
        asked = sum(estimate_tokens(message.content) for message in request.messages)
        return Reply(said, "stop", asked, estimate_tokens(said), estimated=True)

    async def close(self) -> None:
        """Nothing to release."""

    def _row(self, request: Request) -> str:
        if request.schema:
            (name, options), *_ = request.schema["properties"].items()
            return json.dumps({name: options["enum"][0]}, ensure_ascii=False)
        passage = next(message.content for message in request.messages if message.role == "user")
        concept = re.split(r"[(（,，:：。.!！?？\n]", passage.strip(), maxsplit=1)[0].strip()
        sentences = re.findall(r"[^。！？.!?\n]+[。！？.!?]", passage)[:2] or [f"{passage.strip()}."]
        answer = "".join(sentences).strip().replace('"', "'")
        return f'{self._columns[0]}:"{concept}"\n{self._columns[1]}:"{answer}"'

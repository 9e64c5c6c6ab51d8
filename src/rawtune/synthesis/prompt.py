"""The prompt in three parts: task, worked example, response format. The passage goes into the user role.

Without the third part the form of the replies drifts. It follows from the configured columns, so it cannot disagree
with the parser of the replies (``reply.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from rawtune.config import Config, WorkedExample
from rawtune.records import Message, content_hash


@dataclass(frozen=True)
class Prompt:
    """A prompt ready for any passage. ``texts`` are the packaged sentences of its language."""

    language: str
    columns: tuple[str, str]
    task: str
    example: WorkedExample
    texts: Mapping[str, Any]

    @cached_property
    def system(self) -> str:
        """The rendered system message."""
        from jinja2 import Environment, StrictUndefined

        template = files(__package__).joinpath("prompts/system.jinja").read_text(encoding="utf-8")
        # Not HTML: the text goes to a model as it is.
        environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
        return environment.from_string(template).render(
            task=self.task,
            example=self.example,
            row=self.row,
            **{k: self.texts[k] for k in ("headings", "labels", "format")},
        )

    @cached_property
    def hash(self) -> str:
        """Identity of everything but the passage; every row carries the one it was made with."""
        return content_hash([self.system, self.texts["fault"], self.texts["pick"]])

    def row(self, concept: str, answer: str) -> str:
        """A row as the teacher should write it."""
        return f'{self.columns[0]}:"{concept}"\n{self.columns[1]}:"{answer}"'

    def messages(self, passage: str) -> tuple[Message, ...]:
        """The conversation that opens the work on one passage."""
        return Message("system", self.system), Message("user", passage)

    def repeat(self, faults: list[str]) -> Message:
        """What is said to a teacher whose reply cannot be used."""
        return Message("user", self.texts["fault"].format(faults="\n".join(f"- {fault}" for fault in faults)))


def build(config: Config) -> Prompt:
    """The project's prompt: the packaged one of its language, with the user's task and example where given."""
    texts = _texts(config.language)
    example = config.prompt.example or WorkedExample.model_validate(texts["example"])
    return Prompt(config.language, config.columns, (config.prompt.task or texts["task"]).strip(), example, texts)


@lru_cache
def _texts(language: str) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath(f"prompts/{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = YAML(typ="safe").load(text)
    return texts

"""The prompt in three parts: task, worked example, response format. The passage goes into the user role.

Without the third part the form of the replies drifts. It follows from the configured columns, so it cannot disagree
with the parser of the replies (``reply.py``). It has two variants, labelled lines and a JSON object, and the worked
example is written accordingly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from importlib.resources import files
from typing import Any

from rawtune.config import Config, WorkedExample
from rawtune.config import Prompt as Settings
from rawtune.records import ANY_OBJECT, Message, ReplyForm, content_hash


@dataclass(frozen=True)
class Prompt:
    """A prompt ready for any passage, in every form of reply. ``texts`` are the packaged sentences of its language."""

    language: str
    columns: tuple[str, str]
    task: str
    example: WorkedExample
    texts: Mapping[str, Any]

    def system(self, form: ReplyForm) -> str:
        """The rendered system message. It is the same for both forms of JSON."""
        return self._systems[form].content

    @cached_property
    def _systems(self) -> Mapping[ReplyForm, Message]:
        from jinja2 import Environment, StrictUndefined

        source = files(__package__).joinpath("prompts/system.jinja").read_text(encoding="utf-8")
        # Not HTML: the text goes to a model as it is.
        template = Environment(undefined=StrictUndefined, autoescape=False).from_string(source)  # noqa: S701
        return {
            form: Message(
                "system",
                template.render(
                    task=self.task,
                    example=self.example,
                    row=partial(self.row, form=form),
                    format=self.texts["format"]["text" if form is ReplyForm.TEXT else "json"].format(*self.columns),
                    **{k: self.texts[k] for k in ("headings", "labels")},
                ),
            )
            for form in ReplyForm
        }

    @cached_property
    def hash(self) -> str:
        """Identity of everything but the passage, whatever the form; every row carries the one it was made with."""
        systems = [self.system(ReplyForm.TEXT), self.system(ReplyForm.JSON_SCHEMA)]
        return content_hash([*systems, self.texts["fault"], self.texts["pick"]])

    def row(self, concept: str, answer: str, form: ReplyForm) -> str:
        """A row as the teacher should write it."""
        if form is ReplyForm.TEXT:
            return f'{self.columns[0]}:"{concept}"\n{self.columns[1]}:"{answer}"'
        return json.dumps(dict(zip(self.columns, (concept, answer), strict=True)), ensure_ascii=False)

    def schema(self, form: ReplyForm) -> Mapping[str, Any] | None:
        """What the endpoint is to hold the reply to.

        OpenAI's strict mode knows no bounds on a string's length, so there are none:
        https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
        """
        return self._schemas[form]

    @cached_property
    def _schemas(self) -> Mapping[ReplyForm, Mapping[str, Any] | None]:
        row = {
            "type": "object",
            "properties": {column: {"type": "string"} for column in self.columns},
            "required": list(self.columns),
            "additionalProperties": False,
        }
        return {ReplyForm.JSON_SCHEMA: row, ReplyForm.JSON_OBJECT: ANY_OBJECT, ReplyForm.TEXT: None}

    def messages(self, passage: str, form: ReplyForm) -> tuple[Message, ...]:
        """The conversation that opens the work on one passage."""
        return self._systems[form], Message("user", passage)

    def repeat(self, faults: list[str]) -> Message:
        """What is said to a teacher whose reply cannot be used."""
        return Message("user", self.texts["fault"].format(faults="\n".join(f"- {fault}" for fault in faults)))


def build(config: Config) -> Prompt:
    """The project's prompt: the packaged one of its language, with the user's task and example where given."""
    return _build(config.language, config.columns, config.prompt)


@lru_cache(maxsize=4)
def _build(language: str, columns: tuple[str, str], settings: Settings) -> Prompt:
    texts = _texts(language)
    example = settings.example or WorkedExample.model_validate(texts["example"])
    return Prompt(language, columns, (settings.task or texts["task"]).strip(), example, texts)


@lru_cache
def _texts(language: str) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath(f"prompts/{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = YAML(typ="safe").load(text)
    return texts

"""A teacher that writes question templates, after questions that users really asked."""

import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from rawtune.augmentation.questions import PLACEHOLDER, normalised
from rawtune.errors import ConfigError
from rawtune.llm import json_reply
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request

FAMILY = "written"
"""The family of the templates that a teacher wrote."""
_EXAMPLES = 40
"""Questions shown to the teacher, at most: enough to hear a tone."""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"templates": {"type": "array", "items": {"type": "string"}}},
    "required": ["templates"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: the templates to use, and what was refused, each a line that says why."""

    templates: tuple[str, ...]
    refused: tuple[str, ...]


def read_questions(path: Path) -> list[str]:
    """The user's questions, one a line, empty lines left out. Raises ``ConfigError`` if there is none to be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", "give a UTF-8 text file, one question a line") from error
    if found := [line.strip() for line in lines if line.strip()]:
        return found
    raise ConfigError(f"{path}: holds no question", "write one question a line, or set augmentation.faq to null")


def examples(questions: Sequence[str]) -> list[str]:
    """Those that the teacher is shown: all, or as many as are enough, spread evenly over the file."""
    count = min(len(questions), _EXAMPLES)
    return [questions[number * len(questions) // count] for number in range(count)]


def write(
    shown: Sequence[str],
    count: int,
    known: Iterable[str],
    *,
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, Written]:
    """Ask for ``count`` templates in the manner of the questions ``shown``; ask once more for those that are unfit.

    ``known`` are templates that there are already, trained or held out. Whatever the ``form``, JSON is asked for: with
    ``ReplyForm.TEXT`` by the prompt alone. No reply raises an error.
    """
    texts = prompts(language)
    schema = {ReplyForm.JSON_SCHEMA: _SCHEMA, ReplyForm.JSON_OBJECT: ANY_OBJECT}.get(form)
    asked = texts["user"].replace("<COUNT>", str(count)).replace("<EXAMPLES>", "\n".join(f"- {q}" for q in shown))
    messages = (Message("system", texts["system"]), Message("user", asked))
    judge = _Judge(language, known)
    reply = yield Request(model, messages, parameters, schema)
    taken, refused = judge.take(reply, count)
    if missing := count - len(taken):
        # An empty turn would itself be refused by some endpoints.
        said = Message("assistant", reply.text if reply.text.strip() else "...")
        faults = "\n".join(f"- {line}" for line in refused)
        again = texts["fault"].replace("<COUNT>", str(missing)).replace("<FAULTS>", faults)
        reply = yield Request(model, (*messages, said, Message("user", again)), parameters, schema)
        others, more = judge.take(reply, missing)
        taken, refused = [*taken, *others], [*refused, *more]
    return Written(tuple(taken), tuple(refused))


class _Judge:
    """Tells templates that can be used from those that cannot."""

    def __init__(self, language: str, known: Iterable[str]) -> None:
        self._language = language
        self._known = {normalised(template) for template in known}

    def take(self, reply: Reply, wanted: int) -> tuple[list[str], list[str]]:
        """At most ``wanted`` templates of a reply, and a line for each other thing that is wrong with it."""
        taken: list[str] = []
        refused: list[str] = []
        try:
            entries = read_list(reply, "templates")
        except ValueError as fault:
            return [], [str(fault)]
        for entry in entries:
            template = entry.strip() if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
            reason = "more than were asked for" if len(taken) == wanted else self._fault(entry, template)
            if reason:
                refused.append(f"{template}: {reason}")
                continue
            self._known.add(normalised(template))
            taken.append(template)
        if len(entries) < wanted:
            refused.append(f"{wanted - len(entries)} are missing")
        return taken, refused

    def _fault(self, entry: Any, template: str) -> str:
        if not isinstance(entry, str) or len(template.splitlines()) != 1:
            return "not one line of text"
        if template.count(PLACEHOLDER) != 1 or "{" in template.replace(PLACEHOLDER, ""):
            return f"must hold {PLACEHOLDER} exactly once, and no other braces"
        if normalised(template) in self._known:
            return "there is one like it already"
        return "" if is_in(template.replace(PLACEHOLDER, ""), self._language) else "in another language"


def is_in(text: str, language: str) -> bool:
    """Whether most letters are of the language's script; a template without any is of no language."""
    letters = sum(character.isalpha() for character in text)
    han = len(_HAN.findall(text))
    return 2 * (han if language == "zh" else sum(map(str.isascii, filter(str.isalpha, text)))) > letters


def read_object(reply: Reply) -> dict[str, Any]:
    """The one JSON object of a reply; a code fence or prose may stand around it.

    Raises ``ValueError`` saying what is wrong.
    """
    try:
        return json_reply.read_object(reply)
    except ValueError as fault:
        raise ValueError(f"the reply {fault}") from None


def read_list(reply: Reply, key: str) -> list[Any]:
    """The list under ``key`` in the one JSON object of a reply; as ``read_object``."""
    entries = read_object(reply).get(key)
    if not isinstance(entries, list):
        raise ValueError(f"the reply has no list '{key}'")
    return entries


@lru_cache
def prompts(language: str) -> Mapping[str, str]:
    """The packaged sentences for a teacher."""
    from ruamel.yaml import YAML

    text = files(__package__).joinpath(f"prompts/{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, str] = YAML(typ="safe").load(text)
    return texts

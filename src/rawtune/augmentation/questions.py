"""Question templates: packaged in both languages, or the user's own file."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from rawtune.errors import ConfigError
from rawtune.records import Example, Split, Suite, content_hash

PLACEHOLDER = "{concept}"
UNNAMED = "unnamed"
"""The family of templates that stand in a plain list."""

Families = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Templates:
    """Question forms to train on, and held-out ones that are only ever asked; both by family."""

    to_train: Families
    to_ask: Families

    @property
    def train(self) -> tuple[str, ...]:
        """The forms to train on, family after family."""
        return tuple(line for lines in self.to_train.values() for line in lines)

    @property
    def held_out(self) -> tuple[str, ...]:
        """The forms that are never trained on."""
        return tuple(line for lines in self.to_ask.values() for line in lines)

    @property
    def hash(self) -> str:
        """Identity by content."""
        return content_hash([self.to_train, self.to_ask])

    @property
    def families(self) -> dict[str, str]:
        """The family of each form to train on."""
        return {line: name for name, lines in self.to_train.items() for line in lines}

    def with_family(self, name: str, lines: Iterable[str]) -> "Templates":
        """These and one more family to train on; if it is there already, it grows."""
        return Templates({**self.to_train, name: (*self.to_train.get(name, ()), *lines)}, self.to_ask)


def load(language: str, path: Path | None = None) -> Templates:
    """The packaged templates of a language, or those of the user's file.

    Raises ``ConfigError`` naming every template without exactly one ``{concept}``, or that stands there twice.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    source = str(path) if path else f"packaged templates '{language}'"
    try:
        text = (path or files(__package__).joinpath(f"templates/{language}.yaml")).read_text(encoding="utf-8")
        tree = YAML(typ="safe").load(text)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ConfigError(
            f"{source}: cannot be read: {error}", "give a UTF-8 YAML file with train and held_out"
        ) from error
    return _checked(tree, source)


def normalised(template: str) -> str:
    """A template without what does not make it another one: case, white space and punctuation."""
    return re.sub(r"[^\w{}]|_", "", template.casefold())


def _checked(tree: Any, source: str) -> Templates:
    parts = [_families(tree.get(name) if isinstance(tree, dict) else None) for name in ("train", "held_out")]
    if not all(parts):
        raise ConfigError(
            f"{source}: needs train and held_out, each a list of questions, or families with such lists",
            "see docs/augmentation.md for an example",
        )
    faults, seen = [], set()
    for line in [line for families in parts for lines in families.values() for line in lines]:
        if not isinstance(line, str) or line.count(PLACEHOLDER) != 1:
            faults.append(f"{source}: '{line}' must hold {PLACEHOLDER} exactly once")
        elif line in seen:
            faults.append(f"{source}: '{line}' stands there twice")
        seen.add(str(line))
    if faults:
        raise ConfigError("\n".join(faults), "mend the lines named")
    return Templates(*parts)


def _families(part: Any) -> Families:
    """A part of the file as families; empty if it is neither of the two shapes."""
    if isinstance(part, list):
        part = {UNNAMED: part}
    if not isinstance(part, dict) or not all(isinstance(lines, list) and lines for lines in part.values()):
        return {}
    return {str(name): tuple(lines) for name, lines in part.items()}


def vary(
    row: Example, forms: Mapping[str, str], templates: Templates, unfit: Collection[str] = ()
) -> Iterator[Example]:
    """One synthesised row to its questions, but for the held-out templates that are ``unfit`` for it.

    A trained passage gives a training row for each of ``forms`` with the answer that it is given there and, from the
    held-out templates, the phrasing suite; a held-out passage gives the concept suite alone. Those that are asked have
    the row's own answer. The split and the origin are inherited.
    """
    asked = [line for line in templates.held_out if line not in unfit]
    if row.split is Split.HELD_OUT:
        yield from (_ask(row, line, row.answer, Suite.CONCEPT) for line in asked)
        return
    yield from (_ask(row, line, answer, None) for line, answer in forms.items())
    yield from (_ask(row, line, row.answer, Suite.PHRASING) for line in asked)


def _ask(row: Example, template: str, answer: str, suite: Suite | None) -> Example:
    own = [] if answer == row.answer else [answer]
    return replace(
        row,
        id=content_hash([row.id, template, *own]),
        question=template.replace(PLACEHOLDER, row.concept),
        answer=answer,
        parent=row.id,
        template=template,
        suite=suite,
    )

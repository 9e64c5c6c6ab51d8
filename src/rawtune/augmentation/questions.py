"""Question templates: packaged in both languages, or the user's own file."""

from collections.abc import Collection
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from rawtune.errors import ConfigError
from rawtune.records import Example, Split, Suite, content_hash

PLACEHOLDER = "{concept}"


class Templates:
    """Question forms to train on, and held-out ones that are only ever asked."""

    def __init__(self, train: tuple[str, ...], held_out: tuple[str, ...]) -> None:
        self.train = train
        self.held_out = held_out

    @property
    def hash(self) -> str:
        """Identity by content."""
        return content_hash([self.train, self.held_out])


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
            f"{source}: cannot be read: {error}", "give a UTF-8 YAML file with lists train and held_out"
        ) from error
    return _checked(tree, source)


def _checked(tree: Any, source: str) -> Templates:
    lists = [tree.get(name) if isinstance(tree, dict) else None for name in ("train", "held_out")]
    if not all(isinstance(lines, list) and lines for lines in lists):
        raise ConfigError(f"{source}: needs two lists, train and held_out", "see the packaged file for an example")
    faults, seen = [], set()
    for line in [line for lines in lists for line in lines or []]:
        if not isinstance(line, str) or line.count(PLACEHOLDER) != 1:
            faults.append(f"{source}: '{line}' must hold {PLACEHOLDER} exactly once")
        elif line in seen:
            faults.append(f"{source}: '{line}' stands there twice")
        seen.add(str(line))
    if faults:
        raise ConfigError("\n".join(faults), "mend the lines named")
    return Templates(*(tuple(lines or ()) for lines in lists))


def vary(row: Example, templates: Templates, unfit: Collection[str] = ()) -> list[Example]:
    """One synthesised row to its questions, but for the templates that are ``unfit`` for it.

    A trained passage gives training rows and, from the held-out templates, the phrasing suite; a held-out passage gives
    the concept suite alone. The answer, the split and the origin are inherited.
    """
    if row.split is Split.HELD_OUT:
        return [_ask(row, line, Suite.CONCEPT) for line in templates.held_out if line not in unfit]
    return [_ask(row, line, None) for line in templates.train if line not in unfit] + [
        _ask(row, line, Suite.PHRASING) for line in templates.held_out if line not in unfit
    ]


def _ask(row: Example, template: str, suite: Suite | None) -> Example:
    question = template.replace(PLACEHOLDER, row.concept)
    return replace(
        row, id=content_hash([row.id, template]), question=question, parent=row.id, template=template, suite=suite
    )

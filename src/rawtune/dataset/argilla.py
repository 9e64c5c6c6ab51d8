"""Records of Argilla 2: nested as by ``to_json`` and ``to_list``, flat as by ``to_datasets`` and ``flatten=True``.

https://docs.argilla.io/latest/how_to_guides/import_export
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rawtune.dataset.layout import Layout, Turn, Unreadable, as_it_was, kind_of, opened

RESPONSES, SUGGESTION = ".responses", ".suggestion"
_STATUS = ".responses.status"
_PARTS = ("fields", "responses", "suggestions")
_SUBMITTED = (None, "submitted")  # nested exports do not say; drafts and discarded responses do not count

Path = tuple[str | int, ...]
"""Where a text stands in a row, from key to key."""


class Argilla(Layout):
    """Question and answer by the names that they have as fields or as questions of Argilla.

    What people answered counts before what was suggested, and that before the field. ``fields`` are the names of the
    two as fields, where they have others.
    """

    shape = "argilla"

    def __init__(self, columns: tuple[str, str], fields: tuple[str, str], nested: bool, known: Iterable[str]) -> None:
        self.columns = columns
        self._fields = fields
        self._nested = nested
        names = dict.fromkeys((*columns, *fields))
        flat = [name + ending for name in names for ending in ("", RESPONSES, _STATUS, SUGGESTION)]
        wanted = _PARTS if nested else flat
        self.keys = tuple(key for key in wanted if key in set(known))

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        (question, asked), (answer, answered) = (self._text(row, column) for column in (0, 1))
        return (Turn(question, answer, _shown(asked[0]), _shown(answered[0])),)

    def _text(self, row: Mapping[str, Any], column: int) -> tuple[str, list[Path]]:
        """The text of the question or the answer, and all places where it stands with the same authority."""
        name = self.columns[column]
        responses = list(self._responses(row, name))
        if responses and not any(submitted for *_, submitted in responses):
            raise Unreadable(f"'{name}' was discarded, or is a draft")
        if said := [(value, path) for value, path, submitted in responses if submitted]:
            if any(value != said[0][0] for value, _ in said):
                raise Unreadable(f"'{name}' has {len(said)} responses that differ")
            return _checked(said[0][0], said[0][1]), [path for _, path in said]
        paths: tuple[Path, ...] = ((name + SUGGESTION,), (name,), (self._fields[column],))
        if self._nested:
            paths = (("suggestions", name, "value"), ("fields", name), ("fields", self._fields[column]))
        for path in paths:
            if (value := _at(row, path)) is not None:
                return _checked(value, path), [path]
        raise Unreadable(f"'{name}' has no response, no suggestion and no field")

    def _responses(self, row: Mapping[str, Any], name: str) -> Iterable[tuple[Any, Path, bool]]:
        if self._nested:
            for at, response in enumerate(_at(row, ("responses", name)) or ()):
                if isinstance(response, Mapping):
                    submitted = response.get("status") in _SUBMITTED
                    yield response.get("value"), ("responses", name, at, "value"), submitted
            return
        values, statuses = opened(row.get(name + RESPONSES)), opened(row.get(name + _STATUS))
        for at, value in enumerate(values if isinstance(values, list) else ()):
            known = isinstance(statuses, list) and at < len(statuses)
            yield value, (name + RESPONSES, at), not known or statuses[at] in _SUBMITTED

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        new = dict(row)
        for column, text in enumerate((question, answer)):
            old, paths = self._text(row, column)
            if old != text:
                for key, *rest in paths:
                    new[str(key)] = as_it_was(row[str(key)], _with(opened(new[str(key)]), rest, text))
        return new


def recognise(
    rows: Sequence[Mapping[str, Any]],
    known: Mapping[str, str],
    questions: Sequence[str],
    answers: Sequence[str],
    columns: tuple[str, str] | None,
) -> Argilla | None:
    """The layout of records of Argilla; None for other rows.

    ``questions`` and ``answers`` are names by which the two are known, ``columns`` how the user calls them.
    """
    nested = {"fields", "responses"} <= known.keys()
    fields: dict[str, None] = {}
    asked: dict[str, None] = {}
    for row in rows:
        if nested:
            holders = [opened(row.get(part)) for part in _PARTS]
            held, *annotated = (holder if isinstance(holder, Mapping) else {} for holder in holders)
            fields.update(dict.fromkeys(name for name, value in held.items() if isinstance(value, str)))
            asked.update(dict.fromkeys(name for part in annotated for name, value in part.items() if _is_text(value)))
        else:
            fields.update(dict.fromkeys(name for name, value in row.items() if isinstance(value, str)))
            for ending in (RESPONSES, SUGGESTION):
                values = {name.removesuffix(ending): value for name, value in row.items() if name.endswith(ending)}
                asked.update(dict.fromkeys(name for name, value in values.items() if _is_text(opened(value))))
    if not asked and not nested:
        return None
    if columns:
        found = columns if all(name in fields or name in asked for name in columns) else None
        return Argilla(found, found, nested, known.values()) if found else None
    question, field = _first(questions, (*asked, *fields)), _first(answers, fields)
    others = [name for name in asked if name != question]
    alike = [name for name in others if any(word in name.lower() for word in answers if len(word) > 1)]
    answer = _first(answers, others) or next(iter(alike), field or next(iter(others), ""))
    if not question or not answer:
        return None
    layout = Argilla((question, answer), (question, field or answer), nested, known.values())
    if others and answer.lower() not in answers:
        layout.note = f"took '{question}' for the question and '{answer}' for the answer; say otherwise with --columns"
    return layout


def _is_text(value: Any) -> bool:
    """Whether responses or suggestions are texts, not ratings or labels of several."""
    if isinstance(value, list):
        return any(map(_is_text, value))
    return isinstance(value.get("value") if isinstance(value, Mapping) else value, str)


def _first(names: Iterable[str], among: Iterable[str]) -> str:
    found = {name.lower(): name for name in reversed(list(among))}
    return next((found[name] for name in names if name in found), "")


def _at(row: Mapping[str, Any], path: Path) -> Any:
    value: Any = row
    for key in path:
        value = opened(value) if len(path) > 1 else value
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _with(value: Any, path: Sequence[str | int], text: str) -> Any:
    """``value`` with ``text`` at the end of ``path``."""
    if not path:
        return text
    key, *rest = path
    if isinstance(value, list):
        return [_with(item, rest, text) if at == key else item for at, item in enumerate(value)]
    return {**value, key: _with(value[key], rest, text)}


def _checked(value: Any, path: Path) -> str:
    if isinstance(value, str):
        return value
    raise Unreadable(f"'{_shown(path)}' is {kind_of(value)}, not text")


def _shown(path: Path) -> str:
    first, *rest = path
    return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)

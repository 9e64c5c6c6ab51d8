"""Rows that hold a list of messages: ShareGPT, OpenAI's messages, and the preferences of DPO."""

from collections.abc import Mapping, Sequence
from typing import Any

from rawtune.dataset.layout import Layout, Turn, Unreadable, as_it_was, items_of, kind_of, text_of

_USERS = frozenset(("user", "human", "用户"))
_ASSISTANTS = frozenset(("assistant", "gpt", "model", "bot", "chatgpt", "助手"))
_SYSTEMS = ("system", "developer")
_OTHERS = frozenset(
    ("system", "developer", "tool", "tools", "observation", "function", "function_call", "tool_call", "ipython")
)


class Chat(Layout):
    """A list of messages: ShareGPT's ``from`` and ``value``, or OpenAI's ``role`` and ``content``.

    Each message of the assistant is a turn with the user's message before it. Its text may be a list of parts.
    """

    def __init__(self, key: str, shape: str) -> None:
        self.key = key
        self.shape = shape
        self.keys = (key,)
        self.columns = (key, key)

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        messages = items_of(row, self.key)
        turns, before = [], None
        for asked, answered in self._pairs(messages):
            (question_key, question), (answer_key, answer) = (_said(messages[at]) for at in (asked, answered))
            question_column = f"{self.key}[{asked}].{question_key}"
            answer_column = f"{self.key}[{answered}].{answer_key}"
            turns.append(Turn(question, answer, question_column, answer_column, asked == before))
            before = asked
        if not turns:
            raise Unreadable(f"'{self.key}' holds no answer to a question")
        return tuple(turns)

    def systems(self, row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """What a row tells the model before its questions: each system message's column and text."""
        said = [
            (f"{self.key}[{at}].{key}", text)
            for at, message in enumerate(items_of(row, self.key))
            if (message.get("role") or message.get("from")) in _SYSTEMS
            for key, text in [_said(message)]
        ]
        return (*super().systems(row), *((place, text) for place, text in said if isinstance(text, str)))

    def _pairs(self, messages: Sequence[Any]) -> list[tuple[int, int]]:
        pairs, asked = [], None
        for at, message in enumerate(messages):
            name = f"{self.key}[{at}]"
            if not isinstance(message, Mapping):
                raise Unreadable(f"'{name}' is {kind_of(message)}, not an object with keys")
            role = message.get("role") or message.get("from")
            known = role.lower() if isinstance(role, str) else ""
            if known in _USERS or known in _ASSISTANTS:
                if message.get("tool_calls") and not message.get("content"):
                    continue
                key, text = _said(message)
                if not isinstance(text, str):
                    raise Unreadable(f"'{name}.{key}' is {kind_of(text)}, not text")
                if known in _USERS:
                    asked = at
                elif asked is not None:
                    pairs.append((asked, at))
            elif known not in _OTHERS:
                raise Unreadable(f"'{name}' has no role that is known: {role!r}")
        return pairs

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        messages = list(items_of(row, self.key))
        before = list(messages)
        for at, text in zip(self._pairs(messages)[turn], (question, answer), strict=True):
            key, old = _said(messages[at])
            if text != old:
                messages[at] = {**messages[at], key: _with_text(messages[at][key], text)}
        return {self.key: as_it_was(row[self.key], messages)} if messages != before else {}


class Preference(Layout):
    """Rows of DPO: the question, and the answer that was chosen, each a text or a list of messages."""

    shape = "columns"

    def __init__(self, question: str, chosen: str) -> None:
        self.columns = (question or chosen, chosen)
        self.keys = (question, chosen) if question else (chosen,)

    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]:
        (question, asked), (answer, answered) = self._end(row, 0, _USERS), self._end(row, 1, _ASSISTANTS)
        return (Turn(question, answer, asked, answered),)

    def _end(self, row: Mapping[str, Any], column: int, roles: frozenset[str]) -> tuple[str, str]:
        """The text of a column, or of its last message in one of the roles, and its place."""
        key = self.columns[column]
        value = row.get(key)
        if isinstance(value, Mapping):
            inner, text = _said(value)
            place = f"{key}.{inner}"
        elif isinstance(value, list):
            at = _last(value, roles)
            if at is None:
                raise Unreadable(f"'{key}' holds no message of the {'assistant' if column else 'user'}")
            inner, text = _said(value[at])
            place = f"{key}[{at}].{inner}"
        else:
            return text_of(row, key), key
        if not isinstance(text, str):
            raise Unreadable(f"'{place}' is {kind_of(text)}, not text")
        return text, place

    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for column, (text, roles) in enumerate(((question, _USERS), (answer, _ASSISTANTS))):
            key = self.columns[column]
            if self._end(row, column, roles)[0] == text:
                continue
            value = new.get(key, row[key])
            if isinstance(value, list):
                at = _last(value, roles)
                value = [_spoken(item, text) if i == at else item for i, item in enumerate(value)]
            else:
                value = _spoken(value, text) if isinstance(value, Mapping) else text
            new[key] = value
        return new


def _said(message: Mapping[str, Any]) -> tuple[str, Any]:
    """The key of a message's text, and the text, a list of parts joined."""
    key = "content" if message.get("content") is not None or "value" not in message else "value"
    value = message.get(key)
    if isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        texts = [part["text"] for part in value if isinstance(part.get("text"), str)]
        return key, "\n".join(texts) if texts else value
    return key, value


def _spoken(message: Mapping[str, Any], text: str) -> dict[str, Any]:
    key, _ = _said(message)
    return {**message, key: _with_text(message[key], text)}


def _with_text(value: Any, text: str) -> Any:
    """A message's text replaced; of several parts with text the first takes it all."""
    if not isinstance(value, list):
        return text
    texts = [at for at, part in enumerate(value) if isinstance(part.get("text"), str)]
    return [{**part, "text": text} if at == texts[0] else part for at, part in enumerate(value) if at not in texts[1:]]


def _last(messages: Sequence[Any], roles: frozenset[str]) -> int | None:
    for at in reversed(range(len(messages))):
        message = messages[at]
        if isinstance(message, Mapping):
            role = message.get("role") or message.get("from")
            if isinstance(role, str) and role.lower() in roles:
                return at
    return None

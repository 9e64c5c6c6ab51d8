"""Which shape the rows of a file have, by the names of their columns and by what some of them hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rawtune.dataset import argilla
from rawtune.dataset.chats import Chat, Preference
from rawtune.dataset.columns import Alpaca, Columns, is_pair
from rawtune.dataset.layout import Layout, opened

QUESTIONS = (
    "question",
    "prompt",
    "query",
    "instruction",
    "q",
    "user",
    "human",
    "问题",
    "提问",
    "问",
    "指令",
    "input",
    "输入",
)
ANSWERS = (
    "answer",
    "response",
    "completion",
    "output",
    "reply",
    "a",
    "assistant",
    "答案",
    "回答",
    "答",
    "回复",
    "输出",
)
CHATS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat")
_SENTENCE_END = ("。", "？", "！", "?", "!", ".")


def detect(rows: Sequence[Mapping[str, Any]], names: Iterable[str], columns: tuple[str, str] | None) -> Layout | None:
    """The layout of a file with columns ``names``, ``rows`` being some of its rows; None if none is recognised."""
    known = {name.strip().lower(): name for name in reversed(list(names))}
    layout: Layout | None = argilla.recognise(rows, known, QUESTIONS, ANSWERS, columns)
    if columns:
        layout = layout or _named(known, columns, _history(rows, known))
    else:
        layout = layout or _chat(rows, known) or _recognised(rows, known) or _two_texts(rows, known)
    if layout:
        layout.concept, layout.split = known.get("concept", ""), known.get("split", "")
        layout.system = known.get("system", "") if known.get("system") not in layout.columns else ""
        layout.keys = tuple(dict.fromkeys(filter(None, (*layout.keys, layout.concept, layout.split, layout.system))))
    return layout


def _named(known: Mapping[str, str], columns: tuple[str, str], history: str) -> Layout | None:
    question, answer = (name if name in known.values() else known.get(name.strip().lower(), "") for name in columns)
    return Columns(question, answer, history) if question and answer else None


def _history(rows: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> str:
    """The column of earlier turns; empty if there is none, or one of that name holds something else."""
    name = known.get("history", "")
    values = [opened(row.get(name)) or [] for row in rows]
    return name if all(isinstance(value, list) and all(map(is_pair, value)) for value in values) else ""


def _chat(rows: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> Layout | None:
    for name in (known[chat] for chat in CHATS if chat in known):
        for value in (opened(row.get(name)) for row in rows):
            if isinstance(value, list) and value and isinstance(value[0], Mapping):
                if "from" in value[0] and "chosen" not in known:
                    return Chat(name, "sharegpt")
                if "role" in value[0] and "chosen" not in known:
                    return Chat(name, "messages")
    return None


def _recognised(rows: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> Layout | None:
    question = next((known[name] for name in QUESTIONS if name in known), "")
    if "chosen" in known:
        chat = next((known[name] for name in CHATS if name in known), "")
        return Preference(question or chat, known["chosen"]) if question or chat or "rejected" in known else None
    output = next((known[name] for name in ("output", "response") if name in known), "")
    if "instruction" in known and output:
        given = next((known[name] for name in ("input", "context") if name in known), "")
        return Alpaca(known["instruction"], given, output, known.get("history", ""))
    answer = next((known[name] for name in ANSWERS if name in known), "")
    if question and answer:
        return Columns(question, answer, _history(rows, known))
    if {"content", "summary"} <= known.keys():
        return Columns(known["content"], known["summary"], _history(rows, known))
    return None


def _two_texts(rows: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> Layout | None:
    """The only two columns with text, in their order, if their names look like names."""
    history = _history(rows, known)
    others = ("", "concept", "split", "id", history.lower())
    names = [name for key, name in reversed(list(known.items())) if key not in others]
    texts = [name for name in names if rows and all(_is_text(row.get(name)) for row in rows)]
    if len(texts) != 2 or any(len(name) > 40 or name.strip().endswith(_SENTENCE_END) for name in texts):
        return None
    note = f"took '{texts[0]}' for the question and '{texts[1]}' for the answer; say otherwise with --columns"
    return Columns(texts[0], texts[1], history, note)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not value.strip().replace(".", "", 1).isdecimal()

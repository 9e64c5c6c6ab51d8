"""RT1xx: the form of a row.

Five of these rules found all 120 broken rows of a real file of 160, with no false alarm on its mended twin: a schema
key inside the text, an odd number of quotes, a brace in the question, an answer that opens like JSON, no full stop.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from rawtune.verification.rule import Column, Row, Spot, rule

_CLOSING = "。！？.!?…)）」』】》"
_CLOSING_QUOTES = "\"”’'」』"
_PAIRS = tuple((opening, closing, re.compile(f"[{opening}{closing}]")) for opening, closing in ("“”", "「」", "『』"))
_BRACES = re.compile(r"[{}｛｝]")
_JSON = re.compile(r"\s*(?:[{｛]|\[\s*[{\"])")
_ESCAPE = re.compile(r"\\[nrt\"u]")
_FOREIGN_KEYS = (
    *("interpretation", "source", "comment", "comments", "note", "notes", "explanation", "answer", "question"),
    *("output", "来源", "出处", "注释", "备注", "评论", "点评", "解读"),
)
_FOREIGN_KEY = re.compile(
    rf"(?:^|[\s\"'{{,，。;；])(?:{'|'.join(_FOREIGN_KEYS)})[\"']?[ ]?[:：][ ]?[\"'“]", re.IGNORECASE
)


@rule("RT101", "schema-key")
def schema_key(row: Row) -> Iterator[Spot]:
    """A key of the response format, or one that the teacher made up, stands inside the text.

    The reply was not taken apart, so that the model would learn to write keys.

    Bad:
        Meng | Meng is youth. source: "The Book of Changes."
        蒙卦 | 蒙卦象征启蒙。来源：“《易经》。”
    Good:
        Meng | The source of the river: a spring at the foot of a mountain.
        蒙卦 | 卦辞：亨。匪我求童蒙，童蒙求我。
    """
    hint, own = _keys(row.columns)
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if hint.search(text) and (match := own.search(text) or _FOREIGN_KEY.search(text)):
            yield Spot(f"holds a key: {match.group().strip()}", column, *match.span())


@lru_cache(maxsize=16)
def _keys(columns: tuple[str, str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Two patterns: what every key has, in a form that is found fast; and the keys of the response format."""
    last = re.escape("".join(sorted({key[-1] for key in (*columns, *_FOREIGN_KEYS)})))
    # It begins with the colon, as few characters are one, and then looks back at how the key would end.
    hint = re.compile(rf"[:：](?<=[{last}\"'”\s][:：])\s*[\"'“]", re.IGNORECASE)
    own = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, columns))})[\"'”]?\s*[:：]\s*[\"'“]", re.IGNORECASE)
    return hint, own


@rule("RT102", "unbalanced-quotes")
def unbalanced_quotes(row: Row) -> Iterator[Spot]:
    """An odd number of straight quotes, or curly or corner quotes that do not pair.

    A reply was cut at the wrong place, or a quote of its JSON was left in the text.

    Bad:
        Meng | Meng is "youth.
        蒙卦 | 他说：“山下出泉。
    Good:
        Meng | It says "ask once", not "ask twice".
        蒙卦 | 大象说：“山下出泉，蒙。君子以果行育德。”
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if text.count('"') % 2:
            at = text.rfind('"')
            yield Spot("holds an odd number of quotes", column, at, at + 1)
        for opening, closing, either in _PAIRS:
            if (opening in text or closing in text) and (lone := _unpaired(text, opening, either)) is not None:
                yield Spot(f"holds quotes {opening}{closing} that do not pair", column, lone, lone + 1)


def _unpaired(text: str, opening: str, either: re.Pattern[str]) -> int | None:
    """Where a quote stands that has no partner."""
    open_at = []
    for quote in either.finditer(text):
        if quote.group() == opening:
            open_at.append(quote.start())
        elif not open_at:
            return quote.start()
        else:
            open_at.pop()
    return open_at[-1] if open_at else None


@rule("RT103", "brace-in-question")
def brace_in_question(row: Row) -> Iterator[Spot]:
    """A brace in the question: JSON that was not taken apart, or a template that was not filled.

    Bad:
        What does {concept} mean? | Meng is a spring at the foot of a mountain.
        ｛蒙卦 | 蒙卦象征启蒙。
    Good:
        What does Meng mean? | A set such as {1, 2} is written in braces.
    """
    if match := _BRACES.search(row.question):
        yield Spot("holds a brace", Column.QUESTION, *match.span())


@rule("RT104", "answer-is-json")
def answer_is_json(row: Row) -> Iterator[Spot]:
    """The answer opens like a JSON object or list: a nested reply that was not taken apart.

    Bad:
        Meng | {"text": "Meng is youth."}.
        蒙卦 | ["启蒙。"]。
    Good:
        Meng | [1] Meng is youth.
    """
    if match := _JSON.match(row.answer):
        yield Spot("opens like JSON instead of a sentence", Column.ANSWER, *match.span())


@rule("RT105", "literal-escape")
def literal_escape(row: Row) -> Iterator[Spot]:
    r"""A literal escape such as ``\n`` that should have become a character.

    Bad:
        Meng | Meng is youth.\nIt asks.
        蒙卦 | 启蒙。\u4e00。
    Good:
        Meng | Meng is youth. It asks.
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if match := _ESCAPE.search(text):
            yield Spot(f"holds the literal characters {match.group()}", column, *match.span())


@rule("RT106", "not-closed")
def not_closed(row: Row) -> Iterator[Spot]:
    """The answer does not end like a sentence, so it was probably cut off.

    Left out where the answer is known to be whole, as when it came in a closed JSON object.

    Bad:
        Meng | Meng is a spring at the
        蒙卦 | 蒙卦上艮下坎，
    Good:
        Meng | Meng is a spring at the foot of a mountain.
        蒙卦 | 蒙卦上艮下坎，山下出泉，象征启蒙。
    """
    if row.closed:
        return
    end = row.answer.rstrip().rstrip(_CLOSING_QUOTES)
    if not end or end[-1] not in _CLOSING:
        length = len(row.answer)
        yield Spot("does not end with a full stop", Column.ANSWER, max(0, length - 1), length)

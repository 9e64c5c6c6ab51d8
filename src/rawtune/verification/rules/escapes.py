"""RT105: escapes that a reply was not freed of."""

import re
from collections.abc import Iterator

from rawtune.verification.prose import is_about_code, is_code, prose
from rawtune.verification.rule import Column, Row, Spot, rule

_CLOSED_SENTENCE = r"[.!?。！？；;：:…”’)）」』】]"
_BREAK = re.compile(rf"(?<={_CLOSED_SENTENCE})[ ]?(?:\\r)?\\n(?:\\n)?(?=[A-Z0-9“\"'(*#一-鿿•-]|\s|\\n|$)")
_LATEX = r"(?:u|e[qg]?|abla|ot|otin|leq|geq|mid|i|ewline|ewcommand|oindent|onumber|ormalsize|ode)\b"
_ESCAPE = re.compile(
    rf"(?<={_CLOSED_SENTENCE})[ ]?(?:\\r)?\\n(?!\w*[{{(^_]|\]|{_LATEX})|(?<=[一-鿿，、])\\[nrt](?![a-z]{{2}})"
    rf"|(?<=\w)\\n(?=[A-Z0-9\s]|$|\\n)|(?<=\w)\\n(?!{_LATEX})(?=[a-z]+ )|\\u[0-9a-fA-F]{{4}}(?![0-9a-fA-F])"
    r"|\\n$|\\\"(?![aeiouyAEIOUY{\\])|(?<![A-Za-z{])\\\"|(?<=[.!?])\\t(?=[A-Z])|(?<=[a-z])\\t(?=[A-Z])"
)


# Between two sentences only these explain a literal line end; "set" or "class" may be any text's word.
_ABOUT_ESCAPES = re.compile(
    r"(?<![a-z])(?:escap|regex|regular exp|backslash|newline|line (?:end|break|feed)|json|csv|python|java|c\+\+|c#|php"
    r"|bash|shell|latex|program|cod(?:e|ing)(?![a-z])|print|pars(?:e|ing)|delimiter|separator)"
    r"|代码|程序|编程|函数|脚本|正则表达|字符|转义|换行|反斜杠|解析|分隔|打印",
    re.IGNORECASE,
)


# A sign that stands apart within a question that asks what it is.
_NAMED_ESCAPE = re.compile(r"(?:^|[^\s.!?。！？;；…)）]\s*)\\(?:[nrt\"]|u[0-9a-fA-F]{4})(?![\w\\])")
_ASKS_MEANING = re.compile(
    r"\b(?:what|why|how|mean|stands? for|difference|explain)\b|什么|意思|含义|区别|作用|表示|代表|怎么", re.IGNORECASE
)


def _speaks_of_escapes(question: str) -> bool:
    named = "\\" in question and _NAMED_ESCAPE.search(question) is not None
    return named and _ASKS_MEANING.search(question) is not None


def _with_line_ends(text: str) -> str:
    r"""``text`` with each ``\n`` between two sentences of prose made a line end."""
    if "\\n" not in text or is_code(text) or _ABOUT_ESCAPES.search(text):
        return text
    shown = prose(text)
    return _BREAK.sub(lambda sign: sign[0] if not shown[sign.start() : sign.end()].strip() else "\n", text)


@rule("RT105", "literal-escape", fix=_with_line_ends)
def literal_escape(row: Row) -> Iterator[Spot]:
    r"""A literal escape such as ``\n`` that should have become a character.

    Left alone: code, formulas, paths of files, and rows that speak of escapes.

    Bad:
        Meng | Meng is youth.\nIt asks.
        Meng | It says \"ask once\" to youth.
        蒙卦 | 启蒙。\u4e00。
    Good:
        Meng | Meng is youth. It asks.
        Where is it? | It lies in C:\new\table on this computer.
        “\n”是什么意思？ | 它让后面的字另起一行。\n 写在两行之间。
        频率怎么写？ | 频率写作 \nu，角度写作 \theta。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if "\\" in text and (match := _ESCAPE.search(prose(text))):
            sign = match.group().strip()
            speaks = _ABOUT_ESCAPES.search if _BREAK.match(text, match.start()) else is_about_code
            asked = speaks(row.question) or _speaks_of_escapes(row.question)
            if not (is_code(text) or asked or speaks(text)):
                yield Spot(f"holds the literal characters {sign}", column, *match.span())

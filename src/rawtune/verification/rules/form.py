"""RT101 to RT104: what a reply that was not taken apart leaves in a row: keys, quotes, braces, JSON.

Together with literal escapes and an unclosed ending these found all 120 broken rows of a real file of 160, with no
false alarm on its mended twin.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from rawtune.verification.prose import is_about_code, is_code, prose
from rawtune.verification.rule import Column, Row, Spot, rule

_PAIRS = tuple((opening, closing, re.compile(f"[{opening}{closing}]")) for opening, closing in ("“”", "「」", "『』"))
# Keys that teachers make up. The second group are words of every day, and only in JSON's own form surely keys.
_FOREIGN_KEYS = (
    *("interpretation", "source", "comment", "comments", "explanation", "来源", "出处", "注释", "备注", "评论", "点评"),
    "解读",
)
_COMMON_KEYS = (
    *(
        "note",
        "notes",
        "answer",
        "question",
        "output",
        "input",
        "response",
        "instruction",
        "content",
        "summary",
        "title",
    ),
    *("text", "答案", "问题", "回答", "标题", "内容", "摘要", "总结"),
)
_SOURCES = frozenset(("source", "来源", "出处"))
_BEFORE_QUOTE = re.compile(r"[:：](?<=[\w\"'”\s][:：])\s{0,9}[\"'“]")
# At the head of a sentence a word of prose has a capital letter, a key has none.
_LOWER_KEY = re.compile(
    r"(?:^|(?<=[.!?。！？\"”] )|(?<=[\n。！？”]))"
    r"(?:summary|content|answer|question|response|output|notes?)\s{0,3}[:：]\s{0,3}[\"“]"
)
# Without quotes: before Chinese, or behind a closed line of English. A file of data has several keys.
_BARE_KEYS = "interpretation|source|comments?|explanation|summary|content"
_BARE_KEY = re.compile(
    rf"(?:^|(?<=\n))(?:{_BARE_KEYS}|answer|output|response|notes?)\s{{0,3}}[:：](?=\s{{0,3}}[《「一-鿿])"
    rf"|(?<=[.!?]\n)(?:{_BARE_KEYS})\s{{0,3}}:(?= [A-Za-z])"
)
_DATA_LINE = re.compile(r"^[ \t-]*\w+\s?: ?\S", re.MULTILINE)
_KEY_AND_VALUE = re.compile(
    r"\s*(?:content|question|instruction|summary)\s{0,3}[:：]\s{0,3}[\"“][^\"“”]*[\"”][,，]?\s*"
)
_ABOUT_DATA = re.compile(
    r"(?<![a-z])(?:json|ya?ml|toml|xml|front matter|keys|key-value)(?![a-z])|键值|字段", re.IGNORECASE
)
_CUT_PAIR = re.compile(r"[\"”]\s*[,，]\s*[\"“][^\W\d]\w{0,30}[\"”]\s*[:：]\s*[\"“]")


@rule("RT101", "schema-key")
def schema_key(row: Row) -> Iterator[Spot]:
    """A key of the response format, or one that the teacher made up, stands inside the text.

    The reply was not taken apart, so that the model would learn to write keys.

    Bad:
        Meng | Meng is youth. source: "The Book of Changes."
        Meng | summary: "Meng is youth."
        Meng | Meng is youth.", "mood": "calm."
        蒙卦 | interpretation: 蒙卦象征启蒙。
        content: "蒙卦" | 蒙卦象征启蒙。
        蒙卦 | 蒙卦象征启蒙。来源：“《易经》。”
    Good:
        Meng | The source of the river: a spring at the foot of a mountain.
        Meng | He wrote only one comment: "Ask once."
        写一段 YAML。 | summary: 启蒙
        source是什么意思？ | source：来源，出处。
        Names | Source: "Oranges" and other tales of the valley were told by her aunt.
        这句话的出处是哪里？ | 出处：“《易经》。”
        蒙卦 | 卦辞：亨。匪我求童蒙，童蒙求我。
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if not (":" in text or "：" in text):
            continue
        bare = _BARE_KEY.search(text) if column else _KEY_AND_VALUE.fullmatch(text)
        if bare and not (_explains(row.question, bare, column) or is_code(text) or len(_DATA_LINE.findall(text)) > 2):
            yield Spot(f"holds a key: {bare.group().strip()[:40]}", column, *bare.span())
            continue
        if not ('"' in text or "“" in text or "'" in text):
            continue
        words, in_json, in_prose = _keys(row.columns)
        held = any(_word_before(text, colon.start()).endswith(words) for colon in _BEFORE_QUOTE.finditer(text))
        if not held and ("{" in text or text.count('"') + text.count("”") < 3 or not _CUT_PAIR.search(text)):
            continue
        shown = prose(text)
        match = in_json.search(shown) or (None if "{" in shown else _CUT_PAIR.search(shown))
        if not match and column is Column.ANSWER:
            match = next((key for key in in_prose.finditer(shown) if not _goes_on(shown, key.end())), None)
            match = match or _LOWER_KEY.search(shown)
        asked = match and (_asks_for_keys(row.question, match) if column else _ABOUT_DATA.search(text))
        if match and not (asked or is_code(text) or _is_json(shown)):
            yield Spot(f"holds a key: {match.group().strip()}", column, *match.span())


@lru_cache(maxsize=16)
def _keys(columns: tuple[str, str]) -> tuple[tuple[str, ...], re.Pattern[str], re.Pattern[str]]:
    """All keys, in small letters; the pattern of keys as JSON has them, and that of keys among prose."""
    words = tuple(key.casefold() for key in (*columns, *_FOREIGN_KEYS, *_COMMON_KEYS))
    own = "|".join(map(re.escape, columns))
    every = "|".join((own, *_FOREIGN_KEYS, *_COMMON_KEYS))
    made_up = "|".join((own, *_FOREIGN_KEYS))
    in_json = re.compile(
        rf"(?:[\"'“”]\s{{0,9}}[,，]?\s{{0,9}}[\"“]?(?<!\w\")(?<!\w')(?:{every})[\"'”]|(?<!\w)(?:{every})[\"”]"
        rf"|[\"”]\s{{0,9}}[,，]?\s{{0,9}}(?:{every}))\s{{0,9}}[:：]\s{{0,9}}[\"'“]",
        re.IGNORECASE,
    )
    # In the middle of an English sentence a word with an article or the like before it is no key.
    articles = (
        "the|a|an|this|that|his|her|its|my|our|your|their|one|following|another|of|in|as|or|and|another|same|every"
    )
    lookbehind = "".join(rf"(?<!\b{article}\s)" for article in dict.fromkeys(articles.split("|")))
    in_prose = re.compile(
        rf"(?:^|(?<=[\s\"'{{,，。;；.!?！？”]))(?i:{lookbehind})(?:{made_up})\s{{0,9}}[:：]\s{{0,9}}[\"'“]",
        re.IGNORECASE,
    )
    return words, in_json, in_prose


_GOES_ON = re.compile(r"[ \t]{0,2}[a-z一-鿿](?!\w{0,30}[\"'”]?\s?[:：])")


def _goes_on(text: str, start: int) -> bool:
    """Whether the sentence goes on behind the quotation that begins before ``start``: a key's value ends with it."""
    closing = {"“": "”"}.get(text[start - 1], text[start - 1])
    end = text.find(closing, start)
    return end > start and text[end - 1] not in ".!?。！？" and _GOES_ON.match(text, end + 1) is not None


def _explains(question: str, found: re.Match[str], column: Column) -> bool:
    """Whether the question asks for data, or for what the very word means that stands there as a key."""
    asked = column is Column.ANSWER and found.group().strip().rstrip(" :：") in question.lower()
    return asked or _ABOUT_DATA.search(question) is not None


def _asks_for_keys(question: str, found: re.Match[str]) -> bool:
    """Whether the question asks for data, for a source, or shows the very key that was found."""
    key = re.search(r"\w+", found.group())
    if key is None:
        return False
    shows = re.search(rf"\b{key.group()}[\"'”]?\s?[:：]", question, re.IGNORECASE)
    asks = key.group().lower() in _SOURCES and key.group().lower() in question.lower()
    return bool(shows or asks or _ABOUT_DATA.search(question))


def _word_before(text: str, colon: int) -> str:
    return text[max(0, colon - 50) : colon].rstrip(" \t\n\"'“”").casefold()


def _is_json(text: str) -> bool:
    """Whether a text is one piece of JSON, which is another rule's business."""
    text = text.strip()
    return text[:1] in "{[" and text[-1:] in "]}"


def _without_lone_quote(text: str) -> str:
    """``text`` without its only straight or curly quote, if that is its first or last sign and measures nothing."""
    bare = text.strip()
    quotes = [at for at in (0, len(bare) - 1) if bare and bare[at] in '"“”']
    if not quotes or sum(map(bare.count, '"“”')) != 1 or _MEASURED.search(bare):
        return text
    return text.replace(bare[quotes[0]], "", 1)


@rule("RT102", "unbalanced-quotes", fix=_without_lone_quote)
def unbalanced_quotes(row: Row) -> Iterator[Spot]:
    """An odd number of straight quotes, or curly or corner quotes that do not pair.

    A reply was cut at the wrong place, or a quote of its JSON was left in the text. Inches and seconds (``19"``), code,
    and a quotation that opens each of its paragraphs anew are left alone.

    Bad:
        Meng | Meng is "youth.
        蒙卦 | 他说：“山下出泉。
    Good:
        Meng | It says "ask once", not "ask twice".
        Which monitor? | A 19" monitor is enough for one person.
        How tall? | He is 5′ 11” tall, and his monitor measures 27” across.
        蒙卦 | 大象说：“山下出泉，蒙。君子以果行育德。”
    """
    for column, text in ((Column.QUESTION, row.question), (Column.ANSWER, row.answer)):
        if text.count('"') % 2 and (at := _odd_quote(text)) is not None:
            yield Spot("holds an odd number of quotes", column, at, at + 1)
        for opening, closing, either in _PAIRS:
            if (opening in text or closing in text) and (lone := _unpaired(text, opening, closing, either)) is not None:
                yield Spot(f"holds quotes {opening}{closing} that do not pair", column, lone, lone + 1)


_STRAIGHT = re.compile(r'(?<!\\)"')
# Of four digits, those that are no year of late.
_INCHES = re.compile(
    r"(?<![\d.,])(?:\d{1,3}|(?!1[5-9]|20)\d{4}|\d{1,3},\d{3}|\d{1,4}[./⁄]\d{1,6}|[½¼¾⅛⅜⅝⅞])\s?\"(?!\w)|''"
    r"|[°'’′]\s?\d{1,2}(?:\.\d{1,9})?\s?\""
)
_CURLY_INCHES = re.compile(r"(?:.?[\d½¼¾⅛⅜⅝⅞]|[\d½¼¾⅛⅜⅝⅞]\s)”(?!\w)", re.DOTALL)
_MEASURED = re.compile(r"[\d½¼¾⅛⅜⅝⅞]\s?[\"”]\Z")
_REOPENED = re.compile(r'^\s*"[^"\n]*\n\s*(?=")', re.MULTILINE)


def _odd_quote(text: str) -> int | None:
    """The last straight quote, if their number is odd and nothing but a fault explains that."""
    shown = prose(text)
    quotes = [quote.start() for quote in _STRAIGHT.finditer(shown)]
    if len(quotes) % 2 == 0 or _INCHES.search(shown) or is_code(text):
        return None
    return None if (len(quotes) - len(_REOPENED.findall(shown))) % 2 == 0 else quotes[-1]


def _unpaired(text: str, opening: str, closing: str, either: re.Pattern[str]) -> int | None:
    """Where a quote stands that has no partner."""
    if text.count(opening) == text.count(closing) == 1 and text.find(opening) < text.find(closing):
        return None
    shown = prose(text)
    quotes = list(either.finditer(shown))
    # One sign for both ends, as some keyboards and some languages („so“) have it.
    if len({quote.group() for quote in quotes}) == 1 and (len(quotes) % 2 == 0 or "„" in text):
        return None
    open_at: list[int] = []
    for quote in quotes:
        at = quote.start()
        if quote.group() == opening:
            if not (open_at and shown[:at].rstrip(" \t　").endswith("\n")):  # else a paragraph opens it anew
                open_at.append(at)
        elif not open_at:
            if not _measures(shown, at):
                return None if "„" in text else at
        else:
            open_at.pop()
    return open_at[-1] if open_at else None


def _measures(text: str, at: int) -> bool:
    """Whether the curly quote at this place stands for inches or seconds."""
    return _CURLY_INCHES.match(text, max(0, at - 2)) is not None


_BRACE = re.compile(r"[{}｛｝]")
# Not LaTeX (x_{ab}), a sequence of mathematics ({a_n}) or a variable of a shell (${HOME}).
_PLACEHOLDER = re.compile(
    r"(?:(?<![A-Za-z0-9_$\\^}\]#])|(?<=\$)(?=\{[a-z_]{3}))[{｛]{1,2}\s{0,3}(?:(?![A-Za-z](?:_\w{1,3}|[a-z0-9])?\s*[}｝])"
    r"[^\W\d][\w .-]{1,40}|\d)?\s{0,3}[}｝]{1,2}"
    r"|(?<=[^\n])[<\[](?:concept|topic|term|entity|keyword|概念|主题|关键词|术语|名词)[>\]](?!\s?[:：(（])"
)


_ABOUT_BRACES = re.compile(
    r"(?<![A-Za-z])(?:braces?|brackets|curly|golang|in Go|rust|kotlin|swift|php|ruby|perl|lua|C#|JS|JSX|React|Vue"
    r"|f-strings?|println!?|interface|struct|closure|lambda|hashmap|operator|expression|evaluates?)(?![A-Za-z])"
    r"|[大花]括号|[CR]语言|Go ?语言|结构体|闭包|语法|表达式|运算符|求值|代码块|空对象|空字典|(?:返回|输出)什么",
    re.IGNORECASE,
)


@rule("RT103", "brace-in-question")
def brace_in_question(row: Row) -> Iterator[Spot]:
    """A brace in the question, or a slot such as <concept>: JSON not taken apart, or a template that was not filled.

    Left alone: code, formulas, sets, and questions that speak of such things.

    Bad:
        What does {concept} mean? | Meng is a spring at the foot of a mountain.
        ｛蒙卦 | 蒙卦象征启蒙。
    Good:
        What does Meng mean? | A set such as {1, 2} is written in braces.
        What does {} evaluate to in JS? | It is an empty object there.
        {}在 JavaScript 里求值是什么？ | 放在表达式位置时是空对象。
        已知 A = {1, 2, 3}，求它的子集个数。 | 共有 8 个子集。
    """
    question = row.question
    if not any(sign in question for sign in "{}｛｝<["):
        return
    shown = prose(question)
    if is_code(question) or (is_about_code(shown) and len(shown) > 2 and shown.strip()[0] not in "{｛"):
        return
    match = _PLACEHOLDER.search(shown)
    if match and match.group() == "{}" and _ABOUT_BRACES.search(shown):
        return
    balanced = shown.count("{") + shown.count("｛") == shown.count("}") + shown.count("｝")
    if not match and (not balanced or _is_json(shown)):
        match = _BRACE.search(shown)
    if match:
        yield Spot("holds a brace", Column.QUESTION, *match.span())


_JSON = re.compile(
    r"\s*(?:```(?:json)?\s{0,9}(?=[{\[]))?(?:[{｛](?![^{}\"“”\n]{0,200}[}｝])|[{｛]\s{0,9}'\w{1,30}'\s?[:：]|\[\s*[{\"])"
)


@rule("RT104", "answer-is-json")
def answer_is_json(row: Row) -> Iterator[Spot]:
    """The answer opens like a JSON object or list: a nested reply that was not taken apart.

    Left alone where the question asks for JSON, a list, code or the like.

    Bad:
        Meng | {"text": "Meng is youth."}.
        Meng | {'text': 'Meng is youth.'}
        蒙卦 | ```json {"释": "启蒙。"} ```
        蒙卦 | ["启蒙。"]。
    Good:
        Meng | [1] Meng is youth.
        Give the hexagram as JSON. | {"name": "Meng", "lines": 6}
        把卦名写成列表。 | ["乾", "坤", "屯", "蒙"]
    """
    if (match := _JSON.match(row.answer)) and not is_about_code(row.question):
        yield Spot("opens like JSON instead of a sentence", Column.ANSWER, *match.span())

"""Documents to passages: blank lines separate samples; a long sample is split at sentence ends."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from rawtune.llm.tokens import estimate_tokens
from rawtune.passages import sentences
from rawtune.records import Document, Passage, content_hash

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def split(documents: Iterable[Document], max_tokens: int) -> Iterator[Passage]:
    """All passages of all documents, in order.

    A passage's id is the hash of its text, so it survives edits elsewhere in the file; a text that occurs again gets
    ``-2``, ``-3`` and so on behind its id.
    """
    seen: set[int] = set()  # hashes as numbers: of a large library they are many, and as text twice as large
    copies: Counter[str] = Counter()
    for document in documents:
        for start, end in _pieces(document.text, max_tokens):
            text = document.text[start:end]
            base = content_hash(text)
            name, number = base, int(base, 16)
            if number in seen:
                copies[base] += 1
                name = f"{base}-{copies[base] + 1}"
            seen.add(number)
            yield Passage(name, document.path, document.sha256, start, end, text)


def samples(text: str) -> Iterator[tuple[int, int]]:
    """Character spans of the samples of ``text``: what stands between blank lines, outer white space left out."""
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        if span := sentences.trim(text, start, gap.start()):
            yield span
        start = gap.end()
    if span := sentences.trim(text, start, len(text)):
        yield span


def _pieces(text: str, max_tokens: int) -> Iterator[tuple[int, int]]:
    for start, end in samples(text):
        # A text has no more tokens than characters; most samples are so short that none need be counted.
        if end - start <= max_tokens or estimate_tokens(text[start:end]) <= max_tokens:
            yield start, end
        else:
            yield from _pack(text, _short_spans(text, start, end, max_tokens), max_tokens)


def _pack(text: str, spans: Iterable[tuple[int, int]], max_tokens: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring spans for as long as they fit into ``max_tokens`` together."""
    first = last = None
    for start, end in spans:
        if first is not None and last is not None and estimate_tokens(text[first:end]) > max_tokens:
            yield first, last
            first = None
        first = start if first is None else first
        last = end
    if first is not None and last is not None:
        yield first, last


def _short_spans(text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int]]:
    """Sentences of a sample; one that is itself too long is halved, at white space or a comma where there is one."""
    stack = [(start + a, start + b) for a, b in reversed(sentences.spans(text[start:end]))]
    while stack:
        a, b = stack.pop()
        if b - a < 2 or estimate_tokens(text[a:b]) <= max_tokens:
            yield a, b
            continue
        middle = (a + b) // 2
        breaks = [match.end() for match in re.finditer(r"[，、；,;:：\s]", text[a : b - 1])]
        cut = a + min(breaks, key=lambda at: abs(a + at - middle)) if breaks else middle
        halves = [half for half in (sentences.trim(text, a, cut), sentences.trim(text, cut, b)) if half]
        stack.extend(reversed(halves))

"""The packaged raw texts, taken apart for the benchmarks: the sentences of every concept, in both languages."""

from dataclasses import dataclass
from importlib.resources import files

from rawtune.augmentation import questions
from rawtune.passages import sentences
from rawtune.passages.split import samples


@dataclass(frozen=True)
class Corpus:
    """One language: ``passages`` maps a concept to its text, ``sentences`` to that text's sentences, without its title.

    ``templates`` are questions with ``{concept}``; ``space`` is what stands between two sentences.
    """

    language: str
    passages: dict[str, str]
    sentences: dict[str, list[str]]
    templates: tuple[str, ...]
    space: str


def corpora() -> list[Corpus]:
    """The Chinese and the English corpus: 64 concepts each."""
    return [_corpus("zh", ""), _corpus("en", " ")]


def _corpus(language: str, space: str) -> Corpus:
    raw = (files("rawtune.examples") / f"zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    passages, parts = {}, {}
    for start, end in samples(raw):
        passage = raw[start:end]
        title, *rest = (passage[a:b] for a, b in sentences.spans(passage))
        passages[title], parts[title] = passage, rest
    return Corpus(language, passages, parts, questions.load(language).train[:20], space)

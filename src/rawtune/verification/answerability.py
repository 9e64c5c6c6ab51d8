"""Whether a question template suits every concept, found without a model: by words that one concept alone speaks of."""

import re
from collections.abc import Mapping, Set
from functools import lru_cache

_HAN_PAIR = re.compile(r"(?=([\u3400-\u4dbf\u4e00-\u9fff]{2}))")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{4,}")
_STEM = 6
_FEWEST = 3
"""Concepts that a template must be filled with before a word of it can be one concept's own."""
_ASKING = frozenset(
    "什么代表意思意义含义象征解释说明介绍概括总结理解核心思想内容关于知道了解告诉我们如何怎样怎么为什么请问可以能够应该以及"
    "哪些一下几句书中常听提起指的讲解老师要点主要方面关系作用特点启示影响表示描述谈谈看法给出简要简单详细这那是"
    "请向初学者从中会有如果人你我他她它被用大白话帮弄明接触刚都不点句吗读给听常回答主把和与在对于很也就还一"
)
"""Characters that questions are made of, in any domain."""
_ASKING_PAIRS = frozenset(
    ["个定", "背后", "记住", "遇到", "较好", "比较", "叫做", "所谓", "名称", "个名", "名叫", "神马", "到低", "相比"]
)
"""Pairs of others that mean nothing but a question either."""


def one_concepts_words(templates: Mapping[str, Set[str]], texts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Templates that hold a word which the text of one concept alone speaks of: the word, and that concept.

    ``templates`` name the concepts that they are filled with, ``texts`` hold what is said about each. In Chinese, where
    nothing parts words, a pair of characters stands for one, if questions are made of neither. Words of questions as
    such do not count, nor do those that several templates share.
    """
    holders: dict[str, int] = {}
    for line in templates:
        for word in _words(line):
            holders[word] = holders.get(word, 0) + 1
    lowered = {concept: text.casefold() for concept, text in texts.items()}
    if len(lowered) < _FEWEST:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for line, concepts in templates.items():
        if len(concepts) < _FEWEST:
            continue
        for word in sorted(_words(line)):
            if holders[word] < _FEWEST:
                speaking = [concept for concept, text in lowered.items() if word in text]
                if len(speaking) == 1:
                    found[line] = (word, speaking[0])
                    break
    return found


def _words(line: str) -> set[str]:
    line = line.casefold()
    words = {word[:_STEM] for word in _WORD.findall(line)} - _english()
    pairs = set(_HAN_PAIR.findall(line)) - _ASKING_PAIRS
    return words | {pair for pair in pairs if _ASKING.isdisjoint(pair)}


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    asking = (
        "what which when where whose does stand mean meaning explain describe tell about could would should "
        "please give short summary core idea text says understand hearing interpret introduce sentences learn "
        "from summarise summarize matters teacher plain words message help make sense someone asks came across "
        "know nothing fill main points have there that this with your beginner briefly detail example between "
        "relate relation keep difference compare benefit advantage disadvantage important significance represent "
        "symbol symbolise purpose role reason cause effect history origin kind type ways step steps work used "
        "need happen interesting question answer quick quickly simple simply study read reading word term phrase "
        "ideas thing things meant define behind mind first comes good goes name people call called known refer they "
        "mentions talking under apart sets rest special waht explian abuot whats descirbe shoud "
    )
    return frozenset(word[:_STEM] for word in asking.split())

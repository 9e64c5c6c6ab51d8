"""What rows of one answer are about, found in their questions alone; and the templates behind these questions.

A file of augmented rows says nowhere what its concepts are. But the twenty questions that share an answer share its
concept, too, and hardly any other group of questions holds that.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

SLOT = "{}"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD = re.compile(r"[^\W_\u3400-\u4dbf\u4e00-\u9fff]+(?:['’-][^\W_\u3400-\u4dbf\u4e00-\u9fff]+)*")
_LONGEST = 4  # characters, before it is extended
_NAMES = 3
"""Concepts of one group, where an answer was copied; more are not told apart."""
_NAME = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{1,8}|[^\W\d_a-z][\w'-]*(?: [\w'()-]+){0,3}")
_EDGES = " \t,.?!:;，。？！：；、\"'“”‘’《》"


class Concepts(NamedTuple):
    """``of`` a group: what it is about, more than one where an answer was copied; ``templates``: the groups of each."""

    of: dict[Hashable, tuple[str, ...]]
    templates: dict[str, set[Hashable]]


def discover(groups: Mapping[Hashable, Sequence[str]], known: Mapping[Hashable, str]) -> Concepts:
    """The concepts of ``groups`` of questions that share an answer, and the templates that several groups share.

    ``known`` names the concept of some groups. A group's concept is what most of its questions hold and few other
    groups do, the most frequent first and of these the longest; a second one is looked for in the questions that do not
    hold the first.
    """
    counted = {
        group: Counter(c for q in questions for c in pieces(q))
        for group, questions in groups.items()
        if group not in known
    }
    common: Counter[str] = Counter()
    for group, counts in counted.items():
        common.update(c for c, n in counts.items() if n >= 0.3 * len(groups[group]))
    # Of two groups, what both hold is no concept; of many, a word that a tenth of them holds is of the templates.
    most = max(1, len(groups) // 10)
    found: dict[Hashable, tuple[str, ...]] = {}
    for group, questions in groups.items():
        if group in known:
            found[group] = (known[group],)
            continue
        concepts: list[str] = []
        rest = list(questions)
        while (
            rest and len(concepts) < _NAMES and (concept := _shared(rest, len(questions), counted[group], common, most))
        ):
            concepts.append(concept)
            rest = [question for question in rest if concept not in question]
        # Questions that share nothing, and are but a name each, are what they name.
        if concepts or all(map(_is_name, questions)):
            found[group] = tuple(concepts) or tuple(questions[:_NAMES])
    templates: defaultdict[str, set[Hashable]] = defaultdict(set)
    for group, names in found.items():
        for question in groups[group]:
            if template := mask(question, names):
                templates[template].add(group)
    return Concepts(found, {template: users for template, users in templates.items() if len(users) > 1})


def core(concept: str) -> str:
    """The piece of a concept by which it is looked up."""
    return max(pieces(concept), key=lambda piece: (len(piece), piece), default=concept)


def mask(question: str, concepts: Sequence[str]) -> str:
    """The question's template, in lower case: its concept replaced by ``{}``; empty if it holds none of them."""
    concept = subject(question, concepts)
    return question.lower().replace(concept.lower(), SLOT) if concept else ""


def subject(question: str, concepts: Sequence[str]) -> str:
    """The first of the concepts that the question holds, whatever its case; empty if it holds none."""
    lowered = question.lower()
    return next((concept for concept in concepts if concept.lower() in lowered), "")


def _shared(questions: Sequence[str], of: int, counts: Counter[str], common: Counter[str], most: int) -> str:
    """The distinctive text that the most of ``questions`` share; empty if that is less than a third of ``of``."""
    here = Counter(c for q in questions for c in pieces(q)) if len(questions) < of else counts
    least = max(2, 0.3 * of) if of > 1 else 1
    able = [(n, len(c), c) for c, n in here.items() if n >= least and common[c] <= most]
    return _extended(max(able)[2], questions) if able else ""


def pieces(question: str) -> set[str]:
    """Short pieces of a question that may name what it is about, or a part of that name: a concept's core is one."""
    found = set(_WORD.findall(question))
    for run in _HAN.findall(question):
        for length in range(2, _LONGEST + 1):
            found.update(run[at : at + length] for at in range(len(run) - length + 1))
    return found


def _is_name(question: str) -> bool:
    return _NAME.fullmatch(question) is not None


def _extended(piece: str, questions: Sequence[str]) -> str:
    """The piece with all that stands around it wherever it stands, as long as nothing but the name does."""
    holders = [question for question in questions if piece in question]
    if len(set(holders)) < 2:
        return piece
    before = [question[: question.index(piece)] for question in holders]
    behind = [question[question.index(piece) + len(piece) :] for question in holders]
    start = _common([text[::-1] for text in before])[::-1]
    return (start + piece + _common(behind)).strip(_EDGES)


def _common(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    length = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:length]

"""Faults of a row's language and of its place among the others: drift, duplicates, leaks, unfit templates."""

import re
from collections import Counter
from dataclasses import replace

from rawtune.testing.fault import Field, Sample, fault, join, sentences

_SISTERS = {
    "zh": (
        "这个道理说来简单，做起来却要花很多年的功夫。",
        "遇到不确定的事情，先停下来想一想总是没有坏处的。",
        "身边的人往往比自己更早看出问题所在。",
        "凡事开头最难，把第一步走稳，后面就顺了。",
        "与其抱怨环境，不如先把手头的事情做好。",
        "真正的朋友会在你得意的时候提醒你小心。",
    ),
    "en": (
        "The idea is simple enough to say, yet it takes many years to practise.",
        "When a matter is unclear, it never hurts to stop and think for a while.",
        "People close to us often see the trouble earlier than we do.",
        "Every beginning is hard, and a steady first step makes the rest easier.",
        "It is better to finish the work at hand than to complain about the weather.",
        "A true friend warns us most of all when everything goes well.",
    ),
}
_SHORTEST = {"zh": 10, "en": 30}
_OTHER = {"zh": "en", "en": "zh"}
_MISFITS = {
    "zh": ("{0}与{1}有什么关系？", "为什么{0}要提到{1}？"),
    "en": ("What does {0} have to do with {1}?", "Why does {0} speak of {1}?"),
}
_ANEW = {"zh": "换个说法再问一遍，", "en": "Let me ask that in another way:"}
_WORD = {"zh": re.compile(r"[\u4e00-\u9fff]{2}"), "en": re.compile(r"\b[a-z]{6,12}\b")}


@fault("other-language", "RT301", "RT302", implies=("RT2", "RT403"))
def other_language(row: Sample, field: Field) -> Sample:
    """The whole answer is in another language than its question."""
    return replace(row, answer=join(_OTHER[row.language], *_foreign(row, field, 3)))


@fault("drift", "RT302", "RT301", implies=("RT2",))
def drift(row: Sample, field: Field) -> Sample | None:
    """Midway the answer goes over into another language, and stays there."""
    parts = sentences(row.answer)
    if len(parts) < 2:
        return None
    kept = field.chance.randrange(1, len(parts))
    return replace(row, answer=join("en", *parts[:kept], *_foreign(row, field, field.chance.randint(1, 3))))


@fault("mixed-drift", "RT302", "RT301", implies=("RT2",))
def mixed_drift(row: Sample, field: Field) -> Sample | None:
    """The answer goes to and fro between two languages, sentence by sentence."""
    own = sentences(row.answer)
    if len(own) < 2:
        return None
    foreign = _foreign(row, field, len(own) - 1)
    parts = [part for pair in zip(own, [*foreign, ""], strict=False) for part in pair if part.strip()]
    return replace(row, answer=join("en", *parts))


def _foreign(row: Sample, field: Field, count: int) -> list[str]:
    """Sentences of the other language, of another row or our own; a few words would pass for a quotation."""
    language = _OTHER[row.language]
    others = [other for other in field.before if (other.language, other.split) == (language, row.split)]
    found = sentences(field.chance.choice(others).answer) if others and field.chance.random() < 0.7 else []
    own = field.chance.sample(_SISTERS[language], k=len(_SISTERS[language]))
    return [part.strip() for part in (*found, *own) if len(part) >= _SHORTEST[language]][:count]


@fault("same-row", "RT401")
def same_row(row: Sample, field: Field) -> Sample | None:
    """An earlier row once more."""
    earlier = [other for other in field.before[-200:] if other.split == row.split and other.answer]
    return field.chance.choice(earlier) if earlier else None


@fault("near-question", "RT402", "RT404", implies=("RT401",))
def near_question(row: Sample, field: Field) -> Sample | None:
    """An earlier question of the same concept with other punctuation, case or spacing, and the present answer."""
    earlier = [other for other in field.before if row.concept and other.concept == row.concept]
    if not earlier:
        return None
    asked = field.chance.choice(earlier).question
    bare = asked.rstrip("。？?.! ")
    variants = [bare, f"{bare}??", f"{bare} ？", f"{bare}！", asked.lower(), asked.upper(), f" {bare}. "]
    variants = [variant for variant in variants if variant.strip() != asked]
    return replace(row, question=field.chance.choice(variants))


@fault("answer-of-another", "RT403", implies=("RT2",))
def answer_of_another(row: Sample, field: Field) -> Sample | None:
    """The answer about another concept, copied from an earlier row."""
    others = [
        other
        for other in field.before
        if row.concept
        and other.concept not in ("", row.concept)
        and (other.language, other.split) == (row.language, row.split)
        and row.name not in other.answer
        and other.name in other.answer
    ]
    return replace(row, answer=field.chance.choice(others).answer) if others else None


@fault("answer-in-question", "RT501")
def answer_in_question(row: Sample, field: Field) -> Sample | None:
    """The question holds the whole answer, before or behind what it asks."""
    if len(row.answer) < 20:
        return None
    texts = [row.question, row.answer]
    if field.chance.random() < 0.5:
        texts.reverse()
    return replace(row, question=join(row.language, *texts))


@fault("split-crossed", "RT502", implies=("RT4",))
def split_crossed(row: Sample, field: Field) -> Sample | None:
    """A held-out row with an answer that was trained."""
    return _held_out(row, field, contained=False)


@fault("split-contained", "RT502", implies=("RT4",))
def split_contained(row: Sample, field: Field) -> Sample | None:
    """A held-out row whose answer is a part of one that was trained."""
    return _held_out(row, field, contained=True)


def _held_out(row: Sample, field: Field, contained: bool) -> Sample | None:
    trained = [other for other in field.before if other.split == "train" and other.language == row.language]
    trained = [other for other in trained if other.concept and len(sentences(other.answer)) > 1]
    if not trained or row.concept not in row.question or not row.concept:
        return None
    other = field.chance.choice(trained)
    answer = join(row.language, *sentences(other.answer)[:-1]) if contained else other.answer
    question = join(row.language, _ANEW[row.language], row.question.replace(row.concept, other.concept))
    if len(answer) < 20:
        return None
    return replace(other, question=question, answer=answer, split="held_out")


@fault("one-concepts-word", "RT601", implies=("RT4",))
def one_concepts_word(row: Sample, field: Field) -> Sample | None:
    """A template that was made for one concept, filled with another: it asks about what only that one's text tells."""
    key = f"misfit {row.language}"
    if key not in field.memory:
        field.memory[key] = _misfit(row.language, field)
    owner, template = field.memory[key]
    if not owner or not row.concept or owner == row.concept:
        return None
    return replace(row, question=template.format(row.concept))


def _misfit(language: str, field: Field) -> tuple[str, str]:
    """A concept, and a template with the word that its answers say most often and no other concept's text at all."""
    said: dict[str, Counter[str]] = {}
    speakers: dict[str, set[str]] = {}
    for row in field.rows:
        if row.concept and row.language == language:
            words = _WORD[language].findall(row.answer)
            said.setdefault(row.concept, Counter()).update(words)
            for word in (*words, *_WORD[language].findall(row.passage or "")):
                speakers.setdefault(word, set()).add(row.concept)
    own = [
        (count, len(word), word, concept)
        for concept, counts in said.items()
        for word, count in counts.items()
        if len(speakers[word]) == 1 and word not in concept
    ]
    if len(said) < 3 or not own:
        return "", ""
    *_, word, concept = max(own)
    return concept, field.chance.choice(_MISFITS[language]).replace("{1}", word)


FAULTS = (
    *(other_language, drift, mixed_drift, same_row, near_question, answer_of_another),
    *(answer_in_question, split_crossed, split_contained, one_concepts_word),
)

"""Rules of a passage: what their pages say, on both packaged corpora, and on texts as companies and people write them."""

import random
import re
from importlib.resources import files

import pytest

from rawtune.verification import grounding
from rawtune.verification.rule import Column, Row, Rule
from rawtune.verification.weights import Weights

RULES = {value.code: value for value in vars(grounding).values() if isinstance(value, Rule)}
PRECISE = ("RT201", "RT202", "RT203", "RT205")


def examples(code, heading):
    """The rows under a heading of a rule's page: ``question | answer | passage``."""
    _, _, behind = RULES[code].page.partition(f"\n{heading}:\n")
    lines = re.match(r"(?:    .*\n?)+", behind).group().strip().splitlines()
    return [line.strip().split(" | ") for line in lines]


def check(code, answer, passage, question="", weights=None, **options):
    row = Row(question, answer, passage=passage)
    return list(RULES[code].check(row, weights or Weights([passage]), **options))


def codes(answer, passage, question="", weights=None):
    return {code for code in PRECISE if check(code, answer, passage, question, weights)}


def corpus(language):
    text = files("rawtune").joinpath(f"examples/zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return {passage.split("\n")[0]: passage for passage in text.strip().split("\n\n")}


CORPORA = {language: corpus(language) for language in ("zh", "en")}
WEIGHTS = {language: Weights(passages.values()) for language, passages in CORPORA.items()}


def sentences(passage):
    return [part.strip() for part in re.split(r"(?<=[。])|(?<=\.)\s|\n", passage) if part.strip()][1:]


@pytest.mark.parametrize("code", RULES)
def test_every_bad_example_is_found_within_both_texts(code):
    for question, answer, passage in examples(code, "Bad"):
        spots = check(code, answer, passage, question)
        assert spots, answer
        for spot in spots:
            assert spot.column is Column.ANSWER
            assert 0 <= spot.start < spot.end <= len(answer)
            assert 0 <= spot.source[0] < spot.source[1] <= len(passage)


@pytest.mark.parametrize("code", RULES)
def test_no_good_example_is_found_by_any_rule_of_grounding(code):
    for question, answer, passage in examples(code, "Good"):
        for other in RULES:
            assert check(other, answer, passage, question) == [], (other, answer)

import math
import re

import pytest

from rawtune.dataset import remarks


def write(rows=1000, answers=500, phrasing=9, concept=9, language="en"):
    return remarks.write(language, rows, answers, {"phrasing": phrasing, "concept": concept}, 6)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_enough_of_everything_needs_no_remark(language):
    assert write(language=language) == {}
    assert write(rows=0, answers=0, phrasing=6, concept=6) != {}


@pytest.mark.parametrize(
    ("rows", "answers", "told"), [(160, 8, True), (78, 39, True), (80, 40, False), (8, 8, False), (39, 39, False)]
)
def test_many_rows_of_few_answers_are_told(rows, answers, told):
    assert ("few_answers" in write(rows, answers)) is told


def test_the_limit_is_where_half_of_the_batches_hold_an_answer_twice():
    pairs = math.comb(8, 2)
    assert 1 - math.exp(-pairs / (remarks.FEW - 1)) > 0.5 > 1 - math.exp(-pairs / (remarks.FEW + 1))


@pytest.mark.parametrize(
    ("language", "start"), [("en", "160 rows, 8 answers: "), ("zh", "160 行数据，只有 8 个不同的答案：")]
)
def test_it_is_said_in_plain_words(language, start):
    found = write(160, 8, language=language)["few_answers"]
    assert found.startswith(start)
    assert bool(re.search("[\u4e00-\u9fff]", found)) is (language == "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("passages", "told"), [(0, True), (1, True), (5, True), (6, False)])
@pytest.mark.parametrize("suite", ["phrasing", "concept"])
def test_an_empty_suite_and_one_with_few_passages_are_told(suite, passages, told, language):
    found = write(language=language, **{suite: passages})
    assert (f"{suite}_suite" in found) is told
    for line in found.values():
        assert "{" not in line
        assert {"en": suite, "zh": {"phrasing": "换问法", "concept": "新概念"}[suite]}[language] in line
        assert language == "en" or not re.search("[A-Za-z]", line)
        assert not passages or str(passages) in line
        assert ("will not be able to show" in line) is (language == "en")

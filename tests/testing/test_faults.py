"""The injector: every kind can be planted, in Chinese and in English, and does to a row what its label says."""

import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from rawtune.testing.faults import FAULTS, KINDS, Labelled, Sample, plant
from rawtune.verification.rulebook import RULES

MEANINGS = {
    "蒙卦": ("蒙卦", "教育", "坎", "艮", "四"),
    "屯卦": ("屯卦", "草创", "震", "坎", "三"),
    "需卦": ("需卦", "等待", "乾", "坎", "五"),
    "师卦": ("师卦", "用兵", "坎", "坤", "七"),
    "Meng (Youth)": ("Meng", "schooling", "Kan", "Gen", "4"),
    "Zhun (Beginnings)": ("Zhun", "hardship", "Zhen", "Kan", "3"),
    "Xu (Waiting)": ("Xu", "patience", "Qian", "Kan", "5"),
    "Shi (The Army)": ("Shi", "soldiers", "Kan", "Kun", "7"),
}


def passage(concept: str) -> str:
    name, theme, lower, upper, number = MEANINGS[concept]
    if concept.isascii():
        return (
            f"{name} is hexagram {number} of the Book of Changes. The upper trigram of {name} is {upper}, and the lower"
            f" trigram is {lower}. Those who study {name} speak of {theme} before they act."
            " It has six lines and two halves, or 6 lines and 12 signs."
        )
    return (
        f"{name}是《易经》的第{number}卦。{name}的上卦为{upper}，下卦为{lower}。"
        f"{name}讲的是{theme}，行动之前先想两天。二年之后再看第一步。"
    )


def sample(concept: str, question: str) -> Sample:
    text = passage(concept)
    return Sample(question.replace("{}", concept), text, concept, text)


@pytest.fixture(scope="module")
def rows() -> list[Sample]:
    english = (
        "What is {}?",
        "Explain {}.",
        "Tell me about {}.",
        "How should I read {}?",
        "Who needs {}?",
        "Describe {}.",
    )
    chinese = ("{}是什么？", "请解释{}。", "讲讲{}。", "怎样理解{}？", "谁需要{}？", "请描述{}。")
    return [
        sample(concept, (english if concept.isascii() else chinese)[number])
        for number in range(6)
        for concept in MEANINGS
    ]


def planted(rows: list[Sample], kind: str, language: str) -> list[tuple[Sample, Labelled]]:
    """Rows with their fault, beside the same rows without it."""
    labelled = plant(rows, kinds=[kind], share=0.5, seed=1)
    pairs = [(row, label) for row, label in zip(rows, labelled, strict=True) if label.fault]
    return [(row, label) for row, label in pairs if row.language == language]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_planted_in_both_languages_and_labelled(rows, kind, language):
    pairs = planted(rows, kind, language)
    assert pairs
    for row, label in pairs:
        assert label.row != row
        assert (label.fault, label.codes, label.implies) == (kind, FAULTS[kind].codes, FAULTS[kind].implies)


def test_rows_without_a_fault_are_as_they_were_and_in_their_places(rows):
    labelled = plant(rows, share=0.4, seed=2)
    assert len(labelled) == len(rows)
    assert [label.row for label in labelled if not label.fault] == [
        row for row, label in zip(rows, labelled, strict=True) if not label.fault
    ]
    assert all(label.codes == label.implies == () for label in labelled if not label.fault)


def test_the_share_is_kept(rows):
    assert sum(bool(label.fault) for label in plant(rows, kinds=["mail"], share=0.25)) == len(rows) // 4
    assert not any(label.fault for label in plant(rows, share=0))


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(rows):
    assert plant(rows, seed=5) == plant(rows, seed=5)
    assert plant(rows, seed=5) != plant(rows, seed=6)


def test_kinds_are_planted_evenly(rows):
    counts = Counter(label.fault for label in plant(rows, kinds=["mail", "phone", "refusal"], share=1.0))
    assert max(counts.values()) - min(counts.values()) <= 2


def test_a_kind_that_does_not_apply_gives_way_to_another():
    rows = [Sample("What is it?", "It is good.")] * 8
    assert {label.fault for label in plant(rows, kinds=["number-changed", "mail"], share=1.0)} == {"mail"}


def test_where_no_kind_applies_the_row_stays_clean():
    rows = [Sample("What is it?", "It is good.")] * 4
    assert plant(rows, kinds=["number-changed", "relation-swapped"], share=1.0) == [Labelled(row) for row in rows]


def test_an_unknown_kind_is_an_error(rows):
    with pytest.raises(KeyError, match="typo"):
        plant(rows, kinds=["typo"])


def test_every_code_is_one_of_the_rules():
    assert {code for fault in FAULTS.values() for code in fault.codes} <= RULES.keys()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_cut_answer_begins_like_the_whole_one_and_stops_within_a_sentence(rows, language):
    for row, label in planted(rows, "cut-off", language):
        assert row.answer.startswith(label.row.answer)
        assert label.row.answer[-1].isalpha()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nested_json_is_json_that_holds_the_answer(rows, language):
    for row, label in planted(rows, "nested-json", language):
        assert row.answer in json.loads(label.row.answer).values()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_changed_number_is_not_in_the_passage(rows, language):
    for row, label in planted(rows, "number-changed", language):
        new = re.findall(r"\w+" if language == "en" else r"\w", label.row.answer)
        old = re.findall(r"\w+" if language == "en" else r"\w", row.passage)
        assert Counter(new) != Counter(old)
        assert label.row.passage == row.passage


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_swapped_relation_says_the_same_words_and_something_else(rows, language):
    for row, label in planted(rows, "relation-swapped", language):
        assert label.row.answer not in row.passage
        changed = Counter(label.row.answer) - Counter(row.answer)
        assert changed.total() <= len("before") + len("after")


@pytest.mark.parametrize(
    "text",
    [
        "乾卦的上卦为乾，下卦为乾。",
        "The upper trigram of Qian is Qian, and the lower trigram is Qian.",
        "坎卦的六爻自下而上为阴、阳、阴、阴、阳、阴。",
    ],
)
def test_a_relation_is_not_swapped_where_that_changes_nothing(text):
    rows = [Sample("乾卦是什么？", text, "乾卦", text)] * 3
    assert not any(label.fault for label in plant(rows, kinds=["relation-swapped"], share=1.0))


@pytest.mark.parametrize("kind", ["same-row", "near-question", "answer-of-another", "split-crossed", "split-contained"])
def test_what_is_copied_comes_from_an_earlier_clean_row(rows, kind):
    labelled = plant(rows, kinds=[kind], share=0.5, seed=3)
    clean: list[Sample] = []
    for label in labelled:
        row = label.row
        if not label.fault:
            clean.append(row)
        elif kind == "same-row":
            assert row in clean
        elif kind == "near-question":
            bare = re.sub(r"\W", "", row.question).casefold()
            assert bare in [re.sub(r"\W", "", other.question).casefold() for other in clean]
        elif kind == "answer-of-another":
            assert row.concept not in [other.concept for other in clean if other.answer == row.answer]
            assert row.answer in [other.answer for other in clean]
        else:
            assert row.split == "held_out"
            assert any(row.answer in other.answer for other in clean if other.split == "train")


def test_an_answer_is_not_given_to_another_split_by_accident(rows):
    mixed = [replace(row, split="held_out") if row.concept in ("蒙卦", "Meng (Youth)") else row for row in rows]
    kinds = ["same-row", "answer-of-another", "drift", "other-language"]
    labelled = plant(mixed, kinds=kinds, share=0.5, seed=4)
    held_out = {row.answer for row in mixed if row.split == "held_out"}
    assert not [label for label in labelled if label.row.split == "train" and label.row.answer in held_out]


def test_one_template_is_filled_with_several_concepts_but_not_with_its_own(rows):
    questions = {label.row.question for _, label in planted(rows, "one-concepts-word", "zh")}
    assert len({re.sub("|".join(MEANINGS).replace("(", r"\(").replace(")", r"\)"), "{}", q) for q in questions}) == 1
    assert len(questions) > 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_identity_number_has_its_check_digit(rows, language):
    # The standard's own example, GB 11643-1999.
    assert is_identity("11010519491231002X")
    found = [re.search(r"\d{17}[\dX]", label.row.answer) for _, label in planted(rows, "id-number", language)]
    assert any(found)
    assert all(is_identity(match.group()) for match in found if match)


def is_identity(number: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
    digits = [10 if digit == "X" else int(digit) for digit in number]
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11 == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_bank_card_keeps_luhns_sum(rows, language):
    for _, label in planted(rows, "bank-card", language):
        digits = [int(digit) for digit in re.search(r"\d{4}[\d ]{12,}", label.row.answer).group().replace(" ", "")][
            ::-1
        ]
        assert (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0

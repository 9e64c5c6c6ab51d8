"""Which forms a row takes: evenly over families, nested, others for each concept, apart for passages of one concept."""

import subprocess
import sys
from collections import Counter

import pytest

from rawtune.augmentation.questions import load
from rawtune.augmentation.variants import order, shares

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
FAMILIES = {"a": ("a1", "a2", "a3"), "b": ("b1",), "c": ("c1", "c2")}


@LANGUAGES
@pytest.mark.parametrize("count", [1, 3, 5, 10, 20])
def test_the_first_forms_are_spread_evenly_over_families(language, count):
    templates = load(language)
    for concept in ("蒙卦", "Meng", "退货流程", "Blinking lamp"):
        taken = Counter(templates.families[line] for line in order(templates.to_train, concept)[:count])
        of_each = [taken[family] for family in templates.to_train]
        assert sum(of_each) == count
        assert max(of_each) - min(of_each) <= 1


def test_every_form_comes_once_also_when_families_differ_in_size():
    for number in range(3):
        lines = order(FAMILIES, "蒙卦", number, 3)
        assert sorted(lines) == ["a1", "a2", "a3", "b1", "c1", "c2"]
        assert {line[0] for line in lines[:3]} == {"a", "b", "c"}


def test_concepts_take_different_forms_and_begin_with_different_families():
    templates = load("zh")
    first = [order(templates.to_train, f"概念{number}")[0] for number in range(100)]
    assert {templates.families[line] for line in first} == set(templates.to_train)
    assert len(set(first)) > 30


def test_the_order_is_the_same_in_every_process_and_whatever_order_the_families_stand_in():
    code = "from rawtune.augmentation.variants import order; print(order({'b': ('x', 'y'), 'a': ('u', 'v')}, '蒙卦'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(order({"a": ("u", "v"), "b": ("x", "y")}, "蒙卦"))


@LANGUAGES
def test_passages_of_one_concept_take_no_form_in_common_until_they_run_out(language):
    families = load(language).to_train
    first, second = (set(order(families, "蒙卦", number, 2)[:20]) for number in range(2))
    assert not first & second


def test_each_row_has_its_variants_without_a_cap():
    assert shares(["蒙卦", "屯卦", "蒙卦"], 20, None) == [20, 20, 20]


def test_a_cap_is_shared_out_among_the_passages_of_a_concept():
    concepts = ["蒙卦", "屯卦", "蒙卦", "蒙卦"]
    given = shares(concepts, 20, 20)
    assert given == [7, 20, 7, 6]
    assert shares(concepts, 5, 20) == [5, 5, 5, 5]
    assert shares(concepts, 5, 3) == [1, 3, 1, 1]


def test_no_row_is_lost_by_a_cap():
    assert shares(["蒙卦"] * 3, 20, 2) == [1, 1, 1]

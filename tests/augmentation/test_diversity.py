"""How varied questions are, by hand-made tables."""

from itertools import pairwise

import pytest

from rawtune.augmentation.diversity import Diversity, diversity
from rawtune.augmentation.questions import load
from rawtune.augmentation.variants import order

FAMILIES = {"什么是{concept}？": "define", "{concept}是什么？": "define", "讲讲{concept}。": "casual"}
A, B, C = FAMILIES


def test_figures_by_hand():
    assert diversity([[A, C], [B, C]], FAMILIES) == [Diversity(1, 2, 1.0, 0.5), Diversity(2, 3, 1.5, 1.0)]


def test_one_form_for_all_rows_has_no_entropy():
    assert diversity([[A], [A], [A]], FAMILIES) == [Diversity(1, 1, 0.0, 0.5)]


def test_rows_may_be_of_different_lengths_or_empty():
    assert diversity([[A, B, C], [A], []], FAMILIES)[-1] == Diversity(3, 3, 1.5, 0.5)
    assert diversity([], FAMILIES) == diversity([[]], FAMILIES) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_more_variants_of_the_packaged_templates_are_never_less_varied(language):
    templates = load(language)
    rows = [order(templates.to_train, f"概念{number}")[:20] for number in range(50)]
    table = diversity(rows, templates.families)
    assert [figures.variants for figures in table] == list(range(1, 21))
    for fewer, more in pairwise(table):
        assert (more.templates, more.coverage) >= (fewer.templates, fewer.coverage)
    assert (table[-1].templates, table[-1].coverage) == (len(templates.train), 1.0)

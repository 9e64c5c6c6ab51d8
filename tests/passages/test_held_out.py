from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages.held_out import choose
from rawtune.records import Split, content_hash

TEXTS = st.lists(st.sampled_from([f"第{n}段。" for n in range(12)] + [f"Passage {n}." for n in range(12)]), max_size=40)


def told(texts):
    """The ids of different texts, in order, and how many copies some have."""
    ids = [content_hash(text) for text in texts]
    return list(dict.fromkeys(ids)), {id: count - 1 for id, count in Counter(ids).items() if count > 1}


def chosen(texts, share, held=0, total=None):
    new, copies = told(texts)
    return list(choose(new, copies, held, len(texts) if total is None else total, share))


def passages(ids, copies):
    """How many passages these texts are."""
    return sum(1 + copies.get(id, 0) for id in ids)


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.1, 10), (0.25, 25), (0.333, 33), (1, 100)])
def test_the_share_is_reached_exactly(share, expected):
    assert len(chosen([f"第{n}段。" for n in range(100)], share)) == expected


@given(st.integers(0, 200), st.floats(0, 1))
def test_without_copies_the_share_is_exact_whatever_the_number(number, share):
    texts = [f"第{n}段。" for n in range(number)]
    found = chosen(texts, share)
    assert len(found) == len(set(found)) == round(share * number)
    assert set(found) <= set(told(texts)[0])


@given(TEXTS, st.floats(0, 1))
def test_copies_count_and_the_share_is_never_exceeded(texts, share):
    new, copies = told(texts)
    found = chosen(texts, share)
    held, wanted = passages(found, copies), round(share * len(texts))
    assert held <= wanted
    # And it is filled up as far as copies let it: none of the others would still fit.
    assert all(held + passages([id], copies) > wanted for id in set(new) - set(found))


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_raw_text_does_not_matter(texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert set(chosen(texts, 0.3)) == set(chosen(shuffled, 0.3))


@given(TEXTS, st.integers(0, 60), st.integers(0, 60), st.floats(0, 1))
def test_what_is_held_out_already_counts(texts, held, others, share):
    total = held + others + len(texts)
    found = chosen(texts, share, held, total)
    assert held + passages(found, told(texts)[1]) <= max(held, round(share * total))
    if held >= round(share * total):
        assert found == []


def test_new_passages_bring_the_share_up():
    texts = [f"第{n}段。" for n in range(50)]
    assert len(chosen(texts, 0.2, held=10, total=100)) == 10
    assert len(chosen(texts, 0.2, held=19, total=100)) == 1


def test_a_text_with_too_many_copies_is_passed_over_for_the_next():
    texts = ["同。"] * 30 + [f"第{n}段。" for n in range(70)]
    found = chosen(texts, 0.2)
    assert len(found) == 20
    assert content_hash("同。") not in found


def test_the_choice_goes_by_the_text_alone():
    # Pinned: another choice would let what one version trained on be the test of the next.
    assert chosen([f"第{n}段。" for n in range(10)], 0.2) == [content_hash("第8段。"), content_hash("第0段。")]


GROUPED = st.lists(st.integers(0, 29), unique=True, max_size=30)


@given(GROUPED, st.floats(0, 1))
def test_texts_that_are_near_each_other_go_together(numbers, share):
    texts = [f"第{n}段。" for n in range(30)]
    ids = [content_hash(text) for text in texts]
    groups = [[ids[n] for n in numbers[at : at + 3]] for at in range(0, len(numbers), 3)]
    found = set(choose(ids, {}, 0, 30, share, groups))
    assert len(found) <= round(share * 30)
    for group in groups:
        assert len(found & set(group)) in (0, len(group))


@pytest.mark.parametrize(("copies", "share", "fits"), [(0, 0.2, 0), (0, 0.3, 3), (2, 0.4, 0), (2, 0.5, 3)])
def test_a_group_counts_with_its_copies_and_is_passed_over_if_it_is_too_large(copies, share, fits):
    group = [f"{n:016x}" for n in range(3)]
    assert len([*choose(group, {group[1]: copies}, 0, 10, share, [group])]) == fits


def test_a_new_text_goes_where_those_near_it_went():
    ids = [f"{n:016x}" for n in range(10)]
    frozen = {"a": Split.HELD_OUT, "b": Split.TRAIN, "c": Split.HELD_OUT}
    groups = [["a", ids[0], ids[1]], ["b", ids[2]], ["b", "c", ids[3]]]
    # The share is used up, and would take none of them by itself.
    assert list(choose(ids, {}, 5, 20, 0.1, groups, frozen)) == [ids[0], ids[1], ids[3]]
    assert ids[2] not in set(choose(ids, {}, 0, 10, 1, groups, frozen))


def test_what_went_with_others_counts_for_the_share():
    ids = [f"{n:016x}" for n in range(10)]
    found = list(choose(ids, {ids[0]: 1}, 0, 20, 0.25, [["a", ids[0]]], {"a": Split.HELD_OUT}))
    assert found[0] == ids[0]
    assert len(found) == 4  # two passages of that text, and three more

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages.held_out import choose
from rawtune.records import content_hash

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

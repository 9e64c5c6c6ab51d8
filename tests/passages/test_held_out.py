from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages.held_out import assign
from rawtune.passages.split import split
from rawtune.records import Document, Split

TEXTS = st.lists(st.sampled_from([f"第{n}段。" for n in range(12)] + [f"Passage {n}." for n in range(12)]), max_size=40)


def passages(texts):
    return split([Document("raw/a.txt", "0" * 64, "\n\n".join(texts))], 512)


def held(assigned):
    return {p.text for p in assigned if p.split is Split.HELD_OUT}


def frozen(assigned):
    return {p.id: p.split for p in assigned}


def test_the_share_is_reached():
    for share, expected in ((0, 0), (0.1, 10), (0.25, 25), (1, 100)):
        assert len(held(assign(passages([f"第{n}段。" for n in range(100)]), {}, share))) == expected


def test_order_and_text_are_kept():
    before = passages(["甲。", "Beta.", "丙。"])
    after = assign(before, {}, 0.5)
    assert [(p.id, p.text, p.start) for p in after] == [(p.id, p.text, p.start) for p in before]


@given(TEXTS, st.floats(0, 1))
def test_equal_texts_go_together_and_the_share_is_never_exceeded(texts, share):
    assigned = assign(passages(texts), {}, share)
    assert sum(p.split is Split.HELD_OUT for p in assigned) <= round(share * len(texts))
    assert not held(assigned) & {p.text for p in assigned if p.split is Split.TRAIN}


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_raw_text_does_not_matter(texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert held(assign(passages(texts), {}, 0.3)) == held(assign(passages(shuffled), {}, 0.3))


@given(TEXTS, TEXTS, st.floats(0, 1), st.floats(0, 1))
def test_what_was_once_decided_stays_whatever_is_added_or_the_share_becomes(texts, added, share, other_share):
    first = assign(passages(texts), {}, share)
    second = assign(passages([*added, *texts]), frozen(first), other_share)
    decided = {p.text: p.split for p in first}
    assert all(p.split is decided[p.text] for p in second if p.text in decided)
    assert not held(second) & {p.text for p in second if p.split is Split.TRAIN}


def test_new_passages_bring_the_share_up():
    first = assign(passages([f"第{n}段。" for n in range(50)]), {}, 0.2)
    second = assign(passages([f"第{n}段。" for n in range(100)]), frozen(first), 0.2)
    assert held(first) < held(second)
    assert len(held(second)) == 20


def test_a_new_copy_of_a_held_out_text_is_held_out_too():
    texts = [f"第{n}段。" for n in range(10)]
    first = assign(passages(texts), {}, 0.1)
    (text,) = held(first)
    second = assign(passages([*texts, text]), frozen(first), 0.1)
    assert [p.split for p in second if p.text == text] == [Split.HELD_OUT, Split.HELD_OUT]


def test_a_passage_that_left_and_came_back_keeps_its_split():
    texts = [f"第{n}段。" for n in range(10)]
    first = assign(passages(texts), {}, 0.1)
    (text,) = held(first)
    remembered = frozen(first)
    assert held(assign(passages([t for t in texts if t != text]), remembered, 0.0)) == set()
    assert held(assign(passages(texts), remembered, 0.0)) == {text}

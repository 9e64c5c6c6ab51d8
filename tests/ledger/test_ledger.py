import json
import weakref
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.samples import (
    FINDING,
    dump,
    example,
    failed,
    failure,
    kept,
    passage,
    passages,
    quarantined,
    request,
    stored,
)

from rawtune.errors import RawTextError, StorageFull
from rawtune.ledger.ledger import Ledger, StageRecord
from rawtune.ledger.mapping import BY_HAND
from rawtune.passages.held_out import choose
from rawtune.passages.split import split
from rawtune.records import (
    Document,
    Finding,
    Origin,
    Parameters,
    Reply,
    ReplyForm,
    Split,
    State,
    Suite,
    content_hash,
)
from rawtune.sources import text
from rawtune.synthesis.forecast import Usage


def reopened(ledger, path):
    ledger.close()
    return Ledger(path)


def ids(found):
    return [passage.id for passage in found]


def documents(*texts):
    return [Document(f"raw/{number}.txt", content_hash(text), text) for number, text in enumerate(texts)]


def read(ledger, texts, share):
    """Make these texts the passages, as the stage does; which are held out."""
    ledger.save_passages(split(documents("\n\n".join(texts)), 512), partial(choose, share=share))
    return {p.text for p in ledger.passages() if p.split is Split.HELD_OUT}


def limit_pages(ledger, more):
    with ledger._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + more}")


# Passages


def test_passages_come_back_in_their_order(ledger, path):
    given = [passage("p2"), passage("p1", Split.HELD_OUT), passage("p3")]
    ledger.save_passages(given)
    assert list(ledger.passages()) == given
    again = reopened(ledger, path)
    assert list(again.passages()) == given
    assert [*again.splits()] == [("p2", Split.TRAIN), ("p1", Split.HELD_OUT), ("p3", Split.TRAIN)]
    assert again.count_passages() == 3
    assert [again.passage(number) for number in (1, 2, 3, 4)] == [*given, None]
    again.close()


def test_a_passage_that_left_is_not_current_but_its_split_is_remembered(ledger):
    ledger.save_passages([passage("p1", Split.HELD_OUT), passage("p2")])
    ledger.save_passages([passage("p2")])
    assert ids(ledger.passages()) == ["p2"]
    assert (ledger.count_passages(), ledger.passage(1), ledger.passage(2)) == (1, passage("p2"), None)
    ledger.save_passages([passage("p2"), passage("p1", Split.TRAIN)])
    assert [*ledger.splits()] == [("p2", Split.TRAIN), ("p1", Split.HELD_OUT)]


def test_a_passage_that_moved_is_found_where_it_now_is(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    moved = replace(passage("p1"), document="raw/b.txt", document_sha256="b" * 64, start=100, end=120)
    ledger.save_passages([passage("p2"), moved])
    assert list(ledger.passages()) == [passage("p2"), moved]
    assert ledger.documents() == {"raw/易经.txt": passage("p2").document_sha256, "raw/b.txt": "b" * 64}


def test_no_passage_is_current_after_none_was_read(ledger):
    ledger.save_passages([passage("p1")])
    ledger.save_passages([])
    assert list(ledger.passages()) == list(ledger.splits()) == []
    assert (ledger.count_passages(), ledger.documents()) == (0, {})


def test_documents_are_those_of_the_current_passages(ledger):
    ledger.save_passages([passage("p1", document="raw/a.txt"), passage("p2", document="raw/乙.txt")])
    ledger.save_passages([passage("p2", document="raw/乙.txt"), passage("p3", document="raw/乙.txt")])
    assert ledger.documents() == {"raw/乙.txt": passage("p2", document="raw/乙.txt").document_sha256}


@pytest.mark.parametrize("fails", ["the iterable", "the choice"])
def test_passages_are_saved_all_or_none(ledger, path, fails):
    ledger.save_passages([passage("p1"), passage("p2", Split.HELD_OUT)])
    before = dump(path)

    def bad():
        yield from passages(1_000)
        if fails == "the iterable":
            raise RawTextError("bad", "mend it")

    def choice(*_):
        yield "p00000"
        raise RawTextError("bad", "mend it")

    with pytest.raises(RawTextError):
        ledger.save_passages(bad(), choice)
    assert dump(path) == before
    assert ids(ledger.passages()) == ["p1", "p2"]


def test_the_choice_is_told_what_is_new_which_have_copies_and_how_many_are_held_out(ledger):
    a, b, c, d = (content_hash(name) for name in "甲bcd")
    ledger.save_passages([passage(a, Split.HELD_OUT), passage(b), passage(c, Split.HELD_OUT)])
    told = []
    again = [
        passage(f"{b}-2"),
        passage(d),
        passage(f"{d}-2"),
        passage(b),
        passage(f"{d}-3"),
        passage(c),
        passage(f"{c}-2"),
    ]

    def choice(new, *others):
        told.append(([*new], *others))
        return [d]

    ledger.save_passages(again, choice)
    # The held-out passage that left counts no more; the new copy of the one that stayed does.
    assert told == [([d], {b: 1, d: 2, c: 1}, 2, 7)]
    held = {d, f"{d}-2", f"{d}-3", c, f"{c}-2"}
    assert dict(ledger.splits()) == {p.id: Split.HELD_OUT if p.id in held else Split.TRAIN for p in again}


def test_copies_added_later_go_where_their_text_went(ledger):
    texts = [f"第{n}段。" for n in range(300)]
    held = read(ledger, texts, 0.1)
    assert len(held) == 30
    copied = sorted(held)[:2] + sorted(set(texts) - held)[:2]
    assert read(ledger, [*copied, *copied, *texts], 0.1) == held
    splits = Counter((p.text, p.split) for p in ledger.passages())
    assert all(count == (3 if text in copied else 1) for (text, _), count in splits.items())


TEXTS = st.lists(st.sampled_from([f"第{n}段。" for n in range(12)] + [f"Passage {n}." for n in range(12)]), max_size=40)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, st.floats(0, 1), st.floats(0, 1))
def test_what_was_once_decided_stays_whatever_is_added_or_the_share_becomes(
    tmp_path_factory, texts, added, share, other_share
):
    ledger = Ledger(tmp_path_factory.mktemp("frozen") / "ledger.sqlite")
    held = read(ledger, texts, share)
    second = read(ledger, [*added, *texts], other_share)
    assert second & set(texts) == held
    assert not second & {p.text for p in ledger.passages() if p.split is Split.TRAIN}
    read(ledger, added, other_share)
    assert read(ledger, [*texts, *added], share) >= second  # also what had left meanwhile
    ledger.close()


def test_new_passages_bring_the_share_up(ledger):
    first = read(ledger, [f"第{n}段。" for n in range(50)], 0.2)
    second = read(ledger, [f"第{n}段。" for n in range(100)], 0.2)
    assert (len(first), len(second)) == (10, 20)
    assert first < second


def test_a_passage_that_left_and_came_back_keeps_its_split(ledger):
    texts = [f"第{n}段。" for n in range(10)]
    (held,) = read(ledger, texts, 0.1)
    assert read(ledger, [text for text in texts if text != held], 0.0) == set()
    assert read(ledger, texts, 0.0) == {held}


class Tracked(Document):
    """A document of which one can tell whether it is still in memory; records themselves are too small for that."""


def test_a_library_is_read_file_by_file(ledger):
    alive = weakref.WeakSet()
    most = 0

    def library():
        nonlocal most
        for number in range(12):
            content = "\n\n".join(f"第{number}卷第{n}段。" for n in range(250))
            document = Tracked(f"raw/{number:02}.txt", f"{number}", content)
            alive.add(document)
            most = max(most, len(alive))
            yield document
            del document

    ledger.save_passages(split(library(), 512), partial(choose, share=0.1))
    assert most <= 2  # the one that is being read, and the one before
    assert ledger.count_passages() == 3_000
    assert Counter(dict(ledger.splits()).values()) == {Split.TRAIN: 2_700, Split.HELD_OUT: 300}
    assert [p.text for p in ledger.passages()] == [f"第{n // 250}卷第{n % 250}段。" for n in range(3_000)]


def test_bad_files_among_good_ones_change_nothing_and_are_all_named(ledger, path, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in "ace":
        (raw / f"{name}.txt").write_text("\n\n".join(f"{name} 第{n}段。" for n in range(300)), encoding="utf-8")
    ledger.save_passages(split(text.read(tmp_path), 512), partial(choose, share=0.1))
    before = dump(path)
    (raw / "a.txt").write_text("改了。", encoding="utf-8")
    (raw / "b.txt").write_bytes(b"")
    (raw / "d.txt").write_bytes("易经".encode("gb18030"))
    with pytest.raises(RawTextError) as caught:
        ledger.save_passages(split(text.read(tmp_path), 512), partial(choose, share=0.1))
    assert [line.split(":")[0] for line in caught.value.message.splitlines()] == ["raw/b.txt", "raw/d.txt"]
    assert dump(path) == before


# What is left to do


def test_passages_are_unsettled_until_they_ended_for_good(ledger):
    ledger.save_passages([passage(f"p{n}") for n in range(6)])
    ledger.save([], [kept("p0"), quarantined("p1"), failed("p2")], "hash")
    ledger.save([], [kept("p3")], "another hash")
    ledger.save([], [kept("p4", origin=Origin.EDITED)], "another hash")
    assert ids(ledger.unsettled("hash")) == ids(ledger.sample_unsettled("hash", 9)) == ["p2", "p3", "p5"]
    assert ids(ledger.unsettled("another hash")) == ["p0", "p1", "p2", "p5"]
    ledger.save_passages([passage("p5"), passage("p0")])
    assert ids(ledger.unsettled("hash")) == ["p5"]


def test_unsettled_passages_are_read_in_pages_while_endings_are_recorded(ledger):
    given = passages(600)
    ledger.save_passages(given)
    met = []
    for found in ledger.unsettled("hash"):
        met.append(found)
        number = len(met)
        # Each ends at once, one late in the page before, and some fail: those are not met again in this pass.
        ledger.save([(request(number), Reply("x"))], [failed(found.id) if number % 50 == 0 else kept(found.id)], "hash")
    assert met == given
    again = ids(ledger.unsettled("hash"))
    assert again == [p.id for number, p in enumerate(given, 1) if number % 50 == 0]
    ledger.save([], map(kept, again), "hash")
    assert list(ledger.unsettled("hash")) == []


def test_what_ended_ahead_of_the_page_is_left_out_and_an_interrupted_pass_resumes(ledger, path):
    given = passages(600)
    ledger.save_passages(given)
    walk = ledger.unsettled("hash")
    first = list(islice(walk, 100))
    ledger.save([], [kept(p.id) for p in [*first, *given[400:]]], "hash")
    assert ids(walk) == ids(given[100:400])
    again = reopened(ledger, path)
    assert ids(again.unsettled("hash")) == ids(given[100:400])
    again.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One ledger for many examples."""
    ledger = Ledger(tmp_path_factory.mktemp("shared") / "ledger.sqlite")
    yield ledger
    ledger.close()


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 30)), max_size=90),
    st.integers(0, 100),
    st.sets(st.integers(0, 89), max_size=10),
)
def test_a_sample_has_exactly_its_size_and_is_spread_over_files_and_lengths(shared, shapes, size, ended):
    given = [
        passage(f"p{number}", document=f"raw/{file}.txt", text="字" * length)
        for number, (file, length) in enumerate(shapes)
    ]
    shared.save_passages(given)
    shared.ask_anew()
    shared.save([], [kept(f"p{number}") for number in ended if number < len(given)], "hash")
    left = [p for number, p in enumerate(given) if number not in ended]
    sample = ids(shared.sample_unsettled("hash", size))
    assert len(sample) == len(set(sample)) == min(size, len(left))
    assert sample == [p.id for p in left if p.id in sample]  # in the order of the text
    # Of the files one after another, each from short to long, every first so many hold their share of the sample.
    drawn = 0
    for number, p in enumerate(sorted(left, key=lambda p: (p.document, len(p.text), p.id)), 1):
        drawn += p.id in sample
        assert abs(drawn - number * min(size, len(left)) / len(left)) <= 0.5


@pytest.mark.parametrize(("size", "total"), [(4, 5), (6, 7), (7, 10), (99, 100), (200, 333), (255, 256), (1000, 1001)])
def test_a_sample_of_nearly_all_is_no_smaller(shared, size, total):
    shared.save_passages(passages(total))
    assert len(set(ids(shared.sample_unsettled("another hash", size)))) == size


# Calls


def test_an_exchange_comes_back_as_it_was(ledger, path):
    asked = request(
        parameters=Parameters(temperature=0.3, top_p=0.9, max_tokens=800, seed=7, stop=("\n\n", "。")),
        schema={"type": "object", "properties": {"choice": {"enum": ["山", "泉"]}}},
    )
    reply = Reply('content:"蒙卦"\nsummary:"启\\n蒙😀\x00"', "length", 12, 34, True, 0.25, 3, 0.0012)
    ledger.save([(asked, reply)])
    again = reopened(ledger, path)
    assert again.reply(asked.key) == reply
    assert again.reply(asked.key).estimated is True
    assert list(again.answered()) == [asked.key]
    found, answer = again.exchange(asked.key)
    assert (found, answer) == (asked, reply)
    assert found.key == asked.key
    again.close()


def test_a_request_with_nothing_set_comes_back_too(ledger):
    ledger.save([(request(), Reply("x"))])
    assert ledger.exchange(request().key) == (request(), Reply("x"))


def test_what_was_never_asked_is_not_there(ledger):
    assert ledger.reply("unknown") is None
    assert list(ledger.answered()) == []
    with pytest.raises(KeyError):
        ledger.exchange("unknown")


def test_the_first_reply_stays(ledger):
    ledger.save([(request(), Reply("first")), (request(), Reply("second"))])
    ledger.save([(request(), Reply("third")), (request("other"), Reply("fourth"))])
    assert ledger.reply(request().key) == ledger.exchange(request().key)[1] == Reply("first")
    assert ledger.reply(request("other").key) == Reply("fourth")


def test_failed_calls_are_kept_and_paid_but_answer_nothing(ledger, path):
    ledger.save([(request("a"), failure(503, 0.25)), (request("a"), failure(0, 0.25)), (request("b"), failure(429))])
    assert ledger.spent() == (3, 0.5)
    assert list(ledger.answered()) == []
    assert ledger.reply(request("a").key) is None
    with pytest.raises(KeyError):
        ledger.exchange(request("a").key)
    ledger.save([(request("a"), Reply("x", cost=1.0)), (request("a"), failure(500, 0.25))])
    assert ledger.reply(request("a").key) == ledger.exchange(request("a").key)[1] == Reply("x", cost=1.0)
    assert ledger.spent() == (5, 1.75)
    assert stored(path, "SELECT status FROM calls ORDER BY id") == [(503,), (0,), (429,), (200,), (500,)]


def test_spending_is_summed_over_what_has_a_price(ledger):
    assert ledger.spent() == (0, None)
    ledger.save([(request("a"), Reply("x"))])
    assert ledger.spent() == (1, None)
    ledger.save([(request("b"), Reply("x", cost=0.5)), (request("c"), Reply("x", cost=0.25))])
    assert ledger.spent() == (3, 0.75)
    ledger.save([(request("d"), failure(503))])
    assert ledger.unpriced() == 1, "a failed call without a reply cost nothing that anybody knows of"


def test_retired_replies_answer_nothing_but_stay_paid_and_can_be_looked_up(ledger):
    ledger.save([(request(n), Reply(f"前{n}", cost=1.0)) for n in range(3)])
    ledger.ask_anew()
    assert list(ledger.answered()) == []
    assert ledger.reply(request(0).key) is None
    assert ledger.exchange(request(0).key) == (request(0), Reply("前0", cost=1.0))
    ledger.save([(request(0), Reply("后0", cost=1.0)), (request(1), failure())])
    assert ledger.reply(request(0).key) == ledger.exchange(request(0).key)[1] == Reply("后0", cost=1.0)
    assert ledger.exchange(request(1).key)[1].text == "前1"
    assert ledger.spent() == (5, 4.0)
    ledger.ask_anew()
    assert ledger.exchange(request(0).key)[1].text == "后0"  # the last one


def test_the_replies_of_some_passages_are_retired(ledger):
    given = passages(600)
    ledger.save_passages(given)
    keys = [request(n).key for n in range(1_200)]
    ledger.save([(request(n), Reply("x")) for n in range(1_200)])
    ledger.save([], [kept(p.id, replies=tuple(keys[2 * n : 2 * n + 2])) for n, p in enumerate(given)], "hash")
    ledger.ask_anew(p.id for p in given[100:500])
    assert set(ledger.answered()) == {*keys[:200], *keys[1_000:]}
    ledger.ask_anew([])
    ledger.ask_anew(["unknown"])
    assert len(list(ledger.answered())) == 400


def test_what_an_endpoint_holds_to_is_remembered_and_may_change(ledger, path):
    assert ledger.reply_form("m") is None
    ledger.save_reply_form("m", ReplyForm.JSON_SCHEMA)
    ledger.save_reply_form("模型", ReplyForm.TEXT)
    ledger.save_reply_form("m", ReplyForm.JSON_OBJECT)
    again = reopened(ledger, path)
    assert again.reply_form("m") is ReplyForm.JSON_OBJECT
    assert again.reply_form("模型") is ReplyForm.TEXT
    again.close()


# Outcomes


def test_endings_come_back_in_the_order_of_the_passages(ledger, path):
    given = [passage("p1"), passage("p2"), passage("p3"), passage("p4")]
    ledger.save_passages(given)
    outcomes = [
        failed("p3", replies=("k3",)),
        quarantined("p2", repairs=("键“内容”",), replies=("k1", "k2")),
        kept("p1", findings=(FINDING, Finding("RT106", "x")), repairs=("code fence removed",), replies=("k0",)),
    ]
    ledger.save([], outcomes, "hash")
    again = reopened(ledger, path)
    assert list(again.endings()) == list(zip(given, reversed(outcomes), strict=False))
    assert [o for _, o in again.endings(State.KEPT)] == outcomes[2:]
    assert [o for _, o in again.endings(State.FAILED, State.QUARANTINED)] == [outcomes[1], outcomes[0]]
    assert again.synthesised() == [example("r-p1")]
    again.close()


def test_calls_and_outcomes_are_saved_together_or_not_at_all(ledger, path):
    ledger.save_passages([passage("p1")])
    ledger.save([(request(1), Reply("答"))], [kept("p1", replies=(request(1).key,))], "hash")
    before = dump(path)
    assert [len(before[name][1]) for name in ("calls", "outcomes", "examples")] == [1, 1, 1]
    limit_pages(ledger, 2)
    with pytest.raises(StorageFull):
        ledger.save([(request(n), Reply("泉" * 1000)) for n in range(50)], [kept("p1", "r9")], "another")
    assert dump(path) == before
    assert list(ledger.answered()) == [request(1).key]


def test_an_outcome_replaces_the_one_before_with_its_rows(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    ledger.save([], [kept("p1"), kept("p2")], "first")
    ledger.save_questions([example("q1", parent="r-p1"), example("q2", "p2", parent="r-p2")])
    ledger.save([], [kept("p1", "r9")], "second")
    assert [o for _, o in ledger.endings()] == [kept("p1", "r9"), kept("p2")]
    assert [row.id for row in ledger.synthesised()] == ["r9", "r-p2"]
    assert [row.id for row in ledger.training_rows()] == ["q2"]  # its answer is no longer the passage's
    ledger.save([], [quarantined("p1")], "third")
    assert next(ledger.endings())[1] == quarantined("p1")
    assert [row.id for row in ledger.synthesised()] == ["r-p2"]


@pytest.mark.parametrize("together", [True, False])
def test_a_passage_that_ended_twice_has_its_last_end_once(ledger, together):
    ledger.save_passages([passage("p1"), passage("p2")])
    ends = [kept("p1"), kept("p2"), kept("p1"), kept("p1", "r9"), failed("p2")]
    for group in [ends] if together else [[end] for end in ends]:
        ledger.save([], group, "hash")
    assert [o for _, o in ledger.endings()] == [kept("p1", "r9"), failed("p2")]
    assert [row.id for row in ledger.synthesised()] == ["r9"]


def test_endings_are_forgotten_but_for_those_by_hand(ledger):
    ledger.save_passages([passage("p1"), passage("p2"), passage("p3")])
    ledger.save([], [kept("p1"), kept("p2", origin=Origin.EDITED), quarantined("p3")], "hash")
    ledger.ask_anew()
    assert ids(ledger.unsettled("hash")) == ["p1", "p3"]
    assert [o.passage_id for _, o in ledger.endings()] == ["p1", "p2", "p3"]  # shown until there is a new one
    assert ledger.tally("hash").states == {State.KEPT: 1}
    ledger.forget_endings(["p2"])
    assert ids(ledger.unsettled("hash")) == ["p1", "p2", "p3"]


def test_the_endings_of_some_passages_are_forgotten(ledger):
    given = passages(600)
    ledger.save_passages(given)
    ledger.save([], [kept(p.id) for p in given], "hash")
    ledger.forget_endings([])
    assert list(ledger.unsettled("hash")) == []
    ledger.forget_endings(p.id for p in given[50:500])
    assert list(ledger.unsettled("hash")) == given[50:500]


def test_the_tally_counts_what_was_made_so_or_by_hand(ledger):
    assert ledger.tally("hash")[:3] == ({}, {}, "")
    ledger.save_passages([passage(f"p{n}") for n in range(10)])
    ledger.save([], [kept("p0"), kept("p1", origin=Origin.PICKED), quarantined("p2"), quarantined("p3")], "hash")
    ledger.save([], [failed("p4", "超时"), failed("p5", "down"), failed("p6", "down")], "hash")
    ledger.save([], [kept("p7"), failed("p9", "超时")], "another hash")
    ledger.save([], [kept("p8", origin=Origin.EDITED)], "another hash")
    ledger.save_questions([example("q", "p0", parent="r-p0")])  # a varied row counts no second time
    tally = ledger.tally("hash")
    assert tally.states == {State.KEPT: 3, State.QUARANTINED: 2, State.FAILED: 3}
    assert tally.origins == {Origin.WRITTEN: 1, Origin.PICKED: 1, Origin.EDITED: 1}
    assert tally.most_frequent_failure == "down"
    assert tally.settled == 5
    assert ledger.tally("another hash").states == {State.KEPT: 2, State.FAILED: 1}
    assert ledger.tally("unknown").states == {State.KEPT: 1}
    ledger.save_passages([passage("p0"), passage("p6")])
    assert ledger.tally("hash").states == {State.KEPT: 1, State.FAILED: 1}


def test_the_tallys_rows_change_with_the_rows_and_their_order_only(ledger):
    ledger.save_passages([passage("p1"), passage("p2"), passage("p3")])
    ledger.save([], [kept("p1"), kept("p2")], "hash")
    rows = ledger.tally("hash").rows
    ledger.save([(request(), Reply("x"))], [kept("p2"), failed("p3")], "hash")
    assert ledger.tally("hash").rows == rows
    ledger.save([], [kept("p2", "r9")], "hash")
    other = ledger.tally("hash").rows
    ledger.save_passages([passage("p2"), passage("p1"), passage("p3")])
    assert len({rows, other, ledger.tally("hash").rows}) == 3


def test_every_file_is_told_with_how_its_passages_ended(ledger):
    files = ["raw/b.txt"] * 5 + ["raw/甲.txt"] * 2 + ["raw/a.txt"]
    ledger.save_passages([passage(f"p{n}", document=file) for n, file in enumerate(files)])
    ledger.save([], [kept("p0"), kept("p1"), failed("p2"), quarantined("p5")], "hash")
    ledger.save([], [kept("p3")], "another hash")  # is to be asked again
    ledger.save([], [kept("p4", origin=Origin.EDITED)], "another hash")
    assert list(ledger.per_file("hash")) == [
        ("raw/a.txt", {None: 1}),
        ("raw/b.txt", {None: 1, State.KEPT: 3, State.FAILED: 1}),
        ("raw/甲.txt", {None: 1, State.QUARANTINED: 1}),
    ]
    ledger.save_passages([passage("p1", document="raw/b.txt")])
    assert list(ledger.per_file("hash")) == [("raw/b.txt", {State.KEPT: 1})]


def test_usage_sums_the_replies_behind_a_passage(ledger):
    ledger.save_passages([passage(f"p{n}") for n in range(6)])
    keys = [request(n).key for n in range(6)]
    calls = [(request(n), Reply("x", "stop", 10 + n, 100 + n, latency=0.5, cost=0.25)) for n in range(5)]
    ledger.save([*calls, (request(0), failure(500, 9.0)), (request(5), Reply("x", "stop", 1, 2, latency=0.125))])
    ends = [
        kept("p0", replies=tuple(keys[:2])),
        quarantined("p1", replies=(keys[2],)),
        failed("p2", replies=(keys[3],)),
    ]
    ledger.save([], ends, "hash")
    ledger.save([], [kept("p3", replies=(keys[4],))], "another hash")
    assert {*ledger.usage("hash", 200)} == {Usage(12, 102, 0.25, 0.5, 1), Usage(21, 201, 0.5, 1.0, 2)}
    assert len(ledger.usage("hash", 1)) == 1
    assert ledger.usage("unknown", 200) == []
    ledger.save([], [kept("p4", replies=(keys[5],)), kept("p5")], "third")  # one without a price, one without a call
    assert ledger.usage("third", 200) == [Usage(1, 2, None, 0.125, 1)]


def test_what_came_of_a_passage_that_left_is_not_shown_but_is_back_with_it(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    ledger.save([], [kept("p1"), kept("p2")], "hash")
    ledger.save_questions([example("q1", parent="r-p1"), example("q2", "p2", parent="r-p2", suite=Suite.PHRASING)])
    ledger.save_passages([passage("p2")])
    assert [o.passage_id for _, o in ledger.endings()] == ["p2"]
    assert [row.id for row in ledger.synthesised()] == ["r-p2"]
    assert list(ledger.dataset_rows()) == list(ledger.training_rows()) == []
    ledger.save_passages([passage("p1"), passage("p2")])
    assert next(ledger.endings()) == (passage("p1"), kept("p1"))
    assert [row.id for row in ledger.training_rows()] == [row.id for row in ledger.dataset_rows()] == ["q1"]


def test_questions_are_replaced_as_a_whole_and_told_apart_by_suite(ledger):
    ledger.save_passages([passage("p1"), passage("p2", Split.HELD_OUT)])
    ledger.save([], [kept("p1"), kept("p2")], "hash")
    ledger.save_questions([example("old", parent="r-p1")])
    train = [example(f"t{n}", parent="r-p1", template="{concept}是什么？") for n in range(12)]  # t10 sorts before t2
    phrasing = replace(example("a", parent="r-p1", template="讲讲{concept}"), suite=Suite.PHRASING)
    concept = replace(example("b", "p2", parent="r-p2"), suite=Suite.CONCEPT, split=Split.HELD_OUT)
    ledger.save_questions([*train, phrasing, concept])
    assert list(ledger.training_rows()) == train
    assert [(row.id, row.template, row.source.document) for row in ledger.dataset_rows()] == [
        (row.id, "{concept}是什么？", "raw/易经.txt") for row in train
    ]
    assert [(row.id, row.source.suite, row.source.split) for row in ledger.held_out_rows()] == [
        ("a", "phrasing", "train"),
        ("b", "concept", "held_out"),
    ]
    assert ledger.suite(Suite.PHRASING) == [phrasing]
    assert ledger.suite(Suite.CONCEPT) == [concept]
    assert ledger.suite(Suite.OUTSIDE) == []
    assert [row.id for row in ledger.synthesised()] == ["r-p1", "r-p2"]
    assert [o for _, o in ledger.endings()] == [kept("p1"), kept("p2")]
    ledger.save_questions([])
    assert list(ledger.training_rows()) == ledger.suite(Suite.PHRASING) == []
    assert list(ledger.dataset_rows()) == list(ledger.held_out_rows()) == []
    assert [row.id for row in ledger.synthesised()] == ["r-p1", "r-p2"]


def test_rows_of_a_dataset_come_in_the_order_of_saving_with_their_passages(ledger):
    many = [passage(f"p{n}", document=f"raw/{n % 3}.txt") for n in range(4500)]
    ledger.save_passages(many)
    ledger.save([], [kept(one.id) for one in many], "hash")
    ledger.save_questions(example(f"q{n}", one.id, parent=f"r-{one.id}") for n, one in enumerate(many))
    rows = list(ledger.dataset_rows())
    assert [(row.id, row.source.document) for row in rows] == [(f"q{n}", f"raw/{n % 3}.txt") for n in range(4500)]
    source = rows[0].source
    assert (source.start, source.end, source.document_sha256) == (many[0].start, many[0].end, many[0].document_sha256)
    assert (rows[0].question, source.parent) == (example("q0", "p0").question, "r-p0")


def test_rows_of_a_dataset_share_their_source_and_keep_what_is_their_own(ledger):
    """Row by row another thing changes, or none; in between stand rows of other suites and of a passage that left."""
    ledger.save_passages([passage("p1"), passage("p2"), passage("p3")])
    ledger.save([], [kept(f"p{n}") for n in (1, 2, 3)], "hash")
    changes = [
        {},
        {"question": "b?"},
        {"answer": "a 2"},
        {"answer": "a 2", "suite": Suite.PHRASING},
        {"answer": "a 2"},
        {"passage_id": "p2", "answer": "a 2"},
        {"answer": "a 2"},
        {},
        {"passage_id": "p2", "parent": "r-p2"},
        {"passage_id": "p2", "parent": "r-p2"},
        {},
        {"history": (("q", "a"), ("r", "\0"))},
        {"history": (("q", "a"), ("r", "\0"))},
        {"teacher": "by hand"},
        {"concept": 'C"'},
        {"prompt_hash": "other"},
        {"origin": Origin.EDITED},
        *[{"template": f"t{n}"} for n in range(600)],
    ]
    many = [replace(example(f"q{n}", parent="r-p1"), **change) for n, change in enumerate(changes)]
    ledger.save_questions(many)
    ledger.save_passages([passage("p1"), passage("p3")])
    wanted = [row for row in many if row.passage_id == "p1"]
    for suite, groups in ((None, ledger.dataset_groups()), (Suite.PHRASING, ledger.held_out_groups())):
        rows = [row for group in groups for row in group.rows()]
        sources = [row.source for row in rows]
        assert [row[:4] for row in rows] == [
            (row.id, row.question, row.answer, row.template) for row in wanted if row.suite is suite
        ]
        assert [(row.history, row.source.concept, row.source.teacher) for row in rows] == [
            (row.history, row.concept, row.teacher) for row in wanted if row.suite is suite
        ]
        assert [(source.origin, source.prompt_hash, source.parent) for source in sources] == [
            (row.origin, row.prompt_hash, row.parent) for row in wanted if row.suite is suite
        ]
        assert {(source.suite, source.document) for source in sources} == {(suite, "raw/易经.txt")}
    assert max(len(group.ids) for group in ledger.dataset_groups()) > 100


def test_rows_whose_replies_were_mended_are_counted(ledger):
    ledger.save_passages([passage("p1"), passage("p2"), passage("p3")])
    mended = {"repairs": ("quotes",)}
    ledger.save([], [replace(kept("p1"), **mended), kept("p2"), replace(quarantined("p3"), **mended)], "hash")
    assert ledger.count_repaired() == 1
    ledger.save_passages([passage("p2"), passage("p3")])
    assert ledger.count_repaired() == 0


# Answers and stages


def test_answers_are_kept_by_their_key(ledger):
    ledger.save_answers([])
    ledger.save_answers([{"key": "k", "model": "base", "question": "蒙卦？", "text": "启蒙。"}])
    ledger.save_answers([{"key": "k", "model": "base", "question": "蒙卦？", "text": "another"}])
    assert ledger.answers() == {"k": "启蒙。"}


def test_a_stage_comes_back_is_replaced_and_forgotten(ledger, path):
    first = StageRecord(
        {"raw/易经.txt": "1", "a": "2"}, "out", "", {"passages": 64, "loss": 0.5}, 1.25, "2026-11-22T12:00"
    )
    second = first._replace(inputs={"b": "3"}, product="datasets/易经.csv", summary={})
    assert ledger.stage("read") is None
    ledger.save_stage("read", first)
    ledger.save_stage("export", second)
    assert ledger.stage("read") == first
    assert list(ledger.stage("read").inputs) == ["raw/易经.txt", "a"]
    ledger.save_stage("read", second)
    again = reopened(ledger, path)
    assert again.stage("read") == again.stage("export") == second
    again.forget_stage("read")
    assert (again.stage("read"), again.stage("export")) == (None, second)
    again.close()


# On the disk


def test_chinese_is_stored_as_it_is_read(ledger, path):
    ledger.save_passages([passage("p1")])
    findings = (FINDING,)
    outcome = kept("p1", findings=findings, repairs=("键“内容”",), replies=(request().key,))
    ledger.save([(request(), Reply("启蒙"))], [outcome], "hash")
    ledger.save_stage("read", StageRecord({"raw/易经.txt": "1"}, "", "", {"概念": 1}, 0.0, ""))
    ((raw, reply),) = stored(path, "SELECT request, text FROM calls")
    assert raw.encode() == request().canonical
    assert "山下出泉。" in raw
    assert json.loads(raw)["messages"][0] == {"role": "system", "content": "任务"}
    assert reply == "启蒙"
    assert stored(path, "SELECT repairs, replies, findings, made_by FROM outcomes") == [
        (
            '["键“内容”"]',
            f'["{request().key}"]',
            '[{"code":"RT111","message":"键“来源”多余","column":"summary","start":3,"end":7,'
            '"severity":"error","fixable":false,"source_start":0,"source_end":0}]',
            "hash",
        )
    ]
    assert stored(path, "SELECT inputs, summary FROM stages") == [('{"raw/易经.txt":"1"}', '{"概念":1}')]


def test_a_row_by_hand_is_marked_so_whatever_the_settings_were(ledger, path):
    ledger.save_passages([passage("p1")])
    ledger.save([], [kept("p1", origin=Origin.EDITED)], "hash")
    assert stored(path, "SELECT made_by FROM outcomes") == [(BY_HAND,)]

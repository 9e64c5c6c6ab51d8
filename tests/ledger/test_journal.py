import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.ledger.samples import failed, kept, passages, request, stored

from rawtune.errors import EndpointDown, KeyRejected, StorageFull
from rawtune.ledger.journal import Journal
from rawtune.ledger.ledger import Ledger
from rawtune.log import Log
from rawtune.records import Reply, State


@pytest.fixture
def journal(ledger):
    return Journal(ledger, "hash", Log(Path(os.devnull)))


@pytest.fixture
def commits(ledger, monkeypatch):
    """How many calls and outcomes each commit held."""
    sizes = []
    save = ledger.save

    def counted(calls, outcomes=(), made_by=""):
        sizes.append((len(calls), len(outcomes)))
        save(calls, outcomes, made_by)

    monkeypatch.setattr(ledger, "save", counted)
    return sizes


@pytest.fixture
def clock(monkeypatch):
    """Moves the event loop's time on by hand."""

    class Clock:
        seconds = 0.0

        async def move_on(self, seconds):
            self.seconds += seconds
            for _ in range(5):
                await asyncio.sleep(0)

    clock = Clock()
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda loop: clock.seconds)
    return clock


def full(*_):
    raise StorageFull("disk full", "free some space")


def answer(number):
    return Reply(f"答{number}")


def puts(journal, numbers):
    """Tasks that will each hand in a reply, in one pass of the loop, and wait for it to be stored."""
    return [asyncio.create_task(journal.put(request(n), answer(n))) for n in numbers]


def count(path, table="calls"):
    return stored(path, f"SELECT count(*) FROM {table}")[0][0]


# Calls


async def test_a_reply_is_committed_before_put_returns(journal, ledger, path):
    assert journal.get(request(1)) is None
    await journal.put(request(1), answer(1))
    assert stored(path, "SELECT key, text, status FROM calls") == [(request(1).key, "答1", 200)]
    assert journal.get(request(1)) == ledger.reply(request(1).key) == answer(1)


async def test_nobody_is_told_and_nothing_is_found_before_the_commit(journal, path, monkeypatch, ledger):
    tasks = puts(journal, range(3))
    seen = []
    save = ledger.save

    def looking(*group):
        seen.append(([task.done() for task in tasks], journal.get(request(0)), count(path)))
        save(*group)

    monkeypatch.setattr(ledger, "save", looking)
    await asyncio.gather(*tasks)
    assert seen == [([False] * 3, None, 0)]
    assert count(path) == 3


async def test_what_comes_in_during_one_pass_of_the_loop_is_one_commit(journal, commits):
    await asyncio.gather(*puts(journal, range(20)))
    assert commits == [(20, 0)]
    await asyncio.gather(*puts(journal, range(20, 23)))
    assert commits == [(20, 0), (3, 0)]


@pytest.mark.parametrize(("number", "groups"), [(255, [255]), (256, [256]), (600, [256, 256, 88])])
async def test_a_group_holds_at_most_256_calls(journal, commits, path, number, groups):
    await asyncio.gather(*puts(journal, range(number)))
    assert commits == [(size, 0) for size in groups]
    assert count(path) == number


async def test_flushing_commits_at_once_and_nothing_is_committed_twice(journal, commits):
    journal.flush()
    tasks = puts(journal, range(3))
    await asyncio.sleep(0)
    journal.flush()
    journal.flush()
    await asyncio.gather(*tasks)
    assert commits == [(3, 0)]


async def test_replies_of_an_earlier_run_are_found(ledger, path):
    ledger.save([(request(n), answer(n)) for n in range(600)] + [(request("bad"), Reply("500", status=500))])
    ledger.close()
    again = Ledger(path)
    journal = Journal(again, "hash", Log(Path(os.devnull)))
    assert [journal.get(request(n)) for n in range(600)] == [answer(n) for n in range(600)]
    assert journal.get(request("bad")) is None
    assert journal.get(request("never")) is None
    again.close()


async def test_what_was_never_answered_is_not_looked_up(journal, ledger, monkeypatch):
    await journal.put(request(1), answer(1))
    journal.put_failure(request(2), EndpointDown("down", status=503), 1, 0.0, None)
    journal.flush()
    monkeypatch.setattr(ledger, "reply", lambda key: pytest.fail("looked up"))
    assert journal.get(request(2)) is None
    assert journal.get(request(3)) is None


async def test_a_retired_reply_is_found_in_neither_run(journal, ledger):
    await journal.put(request(1), answer(1))
    ledger.ask_anew()
    assert journal.get(request(1)) is None
    assert Journal(ledger, "hash", Log(Path(os.devnull))).get(request(1)) is None


async def test_a_waiter_that_is_cancelled_harms_no_other_and_its_reply_is_stored(journal):
    first, second, third = puts(journal, range(3))
    await asyncio.sleep(0)
    second.cancel()
    async with asyncio.timeout(10):  # one that is forgotten would wait for ever
        assert await asyncio.gather(first, third) == [None, None]
    assert second.cancelled()
    assert [journal.get(request(n)) for n in range(3)] == [answer(n) for n in range(3)]


# Calls that brought no reply


async def test_a_failed_call_is_stored_with_what_was_said_and_answers_nothing(journal, ledger, path):
    journal.put_failure(request(1), EndpointDown("上游超时", status=503), 3, 1.5, 0.25)
    journal.put_failure(request(1), KeyRejected("no"), 1, 0.5, None)
    journal.flush()
    assert stored(path, "SELECT key, text, finish_reason, status, attempts, latency, cost, estimated FROM calls") == [
        (request(1).key, "上游超时", "error", 503, 3, 1.5, 0.25, 1),
        (request(1).key, "no", "error", 401, 1, 0.5, None, 1),
    ]
    assert journal.get(request(1)) is None
    assert ledger.spent() == (2, 0.25)


async def test_a_failed_call_never_answers_though_the_endpoint_said_200(journal, ledger):
    journal.put_failure(request(1), EndpointDown("the reply is no chat completion", status=200), 1, 0.5, 0.25)
    await journal.put(request(1), answer(1))
    assert journal.get(request(1)) == ledger.exchange(request(1).key)[1] == answer(1)
    journal.put_failure(request(2), EndpointDown("cut off", status=200), 1, 0.5, 0.25)
    journal.flush()
    assert journal.get(request(2)) is None
    assert Journal(ledger, "hash", Log(Path(os.devnull))).get(request(2)) is None
    assert ledger.spent() == (3, 0.5)


async def test_failed_calls_are_committed_in_the_next_pass_without_a_flush(journal, commits, path):
    for number in range(300):
        journal.put_failure(request(number), EndpointDown("down"), 1, 0.0, None)
    assert count(path) == 256
    await asyncio.sleep(0)
    assert count(path) == 300
    assert commits == [(256, 0), (44, 0)]


# Outcomes


@pytest.fixture
def texts(ledger):
    given = passages(600)
    ledger.save_passages(given)
    return given


async def test_outcomes_ride_along_with_calls(journal, ledger, texts, commits):
    journal.end(kept(texts[0].id, replies=(request(1).key,)))
    journal.end(failed(texts[1].id))
    await journal.put(request(2), answer(2))
    assert commits == [(1, 2)]
    assert ledger.tally("hash").states == {State.KEPT: 1, State.FAILED: 1}
    assert [p.id for p in ledger.unsettled("hash")] == [p.id for p in texts[1:]]


async def test_outcomes_alone_are_committed_within_a_second(clock, ledger, texts, commits):
    journal = Journal(ledger, "hash", Log(Path(os.devnull)))
    journal.end(kept(texts[0].id))
    await clock.move_on(0.9)
    journal.end(kept(texts[1].id))  # does not put it off
    await clock.move_on(0.09)
    assert commits == []
    await clock.move_on(0.02)
    assert commits == [(0, 2)]
    await clock.move_on(5)
    journal.end(kept(texts[2].id))
    await clock.move_on(0.9)
    await journal.put(request(1), answer(1))
    journal.end(kept(texts[3].id))
    await clock.move_on(0.9)  # the time of the third, which is stored, does not count for the fourth
    assert commits == [(0, 2), (1, 1)]
    await clock.move_on(0.2)
    assert commits == [(0, 2), (1, 1), (0, 1)]


async def test_outcomes_are_committed_by_256(journal, texts, commits, path):
    for text in texts[:255]:
        journal.end(kept(text.id))
    assert commits == []
    for text in texts[255:520]:
        journal.end(kept(text.id))
    assert commits == [(0, 256), (0, 256)]
    journal.flush()
    assert commits == [(0, 256), (0, 256), (0, 8)]
    assert count(path, "outcomes") == count(path, "examples") == 520


async def test_an_outcome_is_never_stored_before_its_replies(journal, ledger, texts, path, monkeypatch):
    save = ledger.save

    def checking(calls, outcomes, made_by):
        save(calls, outcomes, made_by)
        keys = {key for (key,) in stored(path, "SELECT key FROM calls")}
        assert all(set(outcome.replies) <= keys for outcome in outcomes)

    monkeypatch.setattr(ledger, "save", checking)

    async def work(number):
        for step in range(number % 3 + 1):
            await journal.put(request(f"{number}-{step}"), answer(number))
        keys = tuple(request(f"{number}-{step}").key for step in range(number % 3 + 1))
        journal.end(kept(texts[number].id, replies=keys))

    await asyncio.gather(*(work(number) for number in range(400)))
    journal.flush()
    assert count(path, "outcomes") == 400


# Errors


async def test_a_full_disk_is_told_to_every_waiter_and_by_flush(journal, ledger, path, monkeypatch):
    await journal.put(request("before"), answer(0))
    monkeypatch.setattr(ledger, "save", full)
    tasks = puts(journal, range(300))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StorageFull] * 300
    assert journal.get(request(0)) is None
    with pytest.raises(StorageFull):
        journal.flush()
    assert count(path) == 1


async def test_a_disk_that_is_really_full_keeps_whole_groups_only(journal, ledger, path):
    with ledger._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 40}")
    told = await asyncio.gather(
        *(journal.put(request(n), Reply("泉" * 100)) for n in range(1_024)), return_exceptions=True
    )
    kinds = [type(result) for result in told]
    saved = kinds.count(type(None))
    assert kinds == [type(None)] * saved + [StorageFull] * (1_024 - saved)
    assert 0 < saved < 1_024
    assert saved % 256 == 0
    assert count(path) == saved
    assert [journal.get(request(n)) is not None for n in range(1_024)] == [n < saved for n in range(1_024)]


async def test_waiters_hear_of_the_error_while_others_are_cancelled(journal, ledger, monkeypatch):
    monkeypatch.setattr(ledger, "save", full)
    first, second = puts(journal, range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(StorageFull):
        await asyncio.wait_for(second, 10)
    assert first.cancelled()


@pytest.mark.parametrize("what", ["a failed call", "an outcome", "256 outcomes", "a reply that nobody waits for"])
async def test_a_failure_that_nobody_waits_for_is_raised_by_flush(clock, ledger, texts, monkeypatch, what):
    journal = Journal(ledger, "hash", Log(Path(os.devnull)))
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "save", full)
        if what == "a failed call":
            journal.put_failure(request(1), EndpointDown("down"), 1, 0.0, None)
        elif what == "a reply that nobody waits for":
            (task,) = puts(journal, [1])
            await asyncio.sleep(0)
            task.cancel()
        else:
            for text in texts[: 256 if what == "256 outcomes" else 1]:
                journal.end(kept(text.id))
        await clock.move_on(1.5)
    with pytest.raises(StorageFull):
        journal.flush()


async def test_a_later_success_does_not_hide_that_something_was_lost(journal, ledger, monkeypatch, path):
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "save", full)
        journal.put_failure(request(1), EndpointDown("down"), 1, 0.0, None)
        await asyncio.sleep(0)
    await journal.put(request(2), answer(2))
    assert count(path) == 1
    with pytest.raises(StorageFull):
        journal.flush()


async def test_a_failed_call_is_in_the_log_without_what_was_said(ledger, tmp_path):
    log = Log(tmp_path / "log.jsonl")
    journal = Journal(ledger, "hash", log)
    journal.put_failure(request(1), EndpointDown("秘密", status=503), 2, 0.25, None)
    journal.flush()
    log.flush()
    event = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8"))
    del event["time"]
    assert event == {"event": "failed call", "kind": "EndpointDown", "status": 503, "attempt": 2, "seconds": 0.25}

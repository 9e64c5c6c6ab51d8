import asyncio

import pytest

from rawtune.config import Price
from rawtune.errors import StorageFull
from rawtune.ledger.ledger import Ledger
from rawtune.ledger.replies import DurableReplies
from rawtune.records import Message, Reply, Request

HOURS = 36_000  # a delay that no test waits for


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture
def commits(ledger, monkeypatch):
    """The size of every group that is committed."""
    sizes = []
    save = ledger.save_replies
    monkeypatch.setattr(ledger, "save_replies", lambda group: (sizes.append(len(group)), save(group))[1])
    return sizes


def request(number):
    return Request("m", (Message("user", f"第{number}段。"),))


async def putting(replies, numbers):
    """Tasks that have each handed in a reply and wait for it to be durable."""
    tasks = [asyncio.create_task(replies.put(request(n), Reply(f"答{n}"))) for n in numbers]
    await asyncio.sleep(0)  # each runs as far as its wait
    return tasks


async def test_a_reply_is_there_when_put_returns(ledger):
    replies = DurableReplies(ledger, delay=0)
    assert replies.get(request(1)) is None
    assert await replies.put(request(1), Reply("启蒙")) == Reply("启蒙")
    assert replies.get(request(1)) == ledger.reply(request(1).key) == Reply("启蒙")


async def test_the_delay_commits_what_arrived_meanwhile_in_one_group(ledger, commits):
    replies = DurableReplies(ledger, delay=0)
    await asyncio.gather(*(replies.put(request(n), Reply("x")) for n in range(20)))
    assert commits == [20]


async def test_a_full_group_is_committed_without_waiting_for_the_delay(ledger, commits):
    replies = DurableReplies(ledger, delay=HOURS, size=4)
    await asyncio.gather(*(replies.put(request(n), Reply("x")) for n in range(8)))
    assert commits == [4, 4]


async def test_before_the_commit_nobody_is_told_and_nothing_is_found(ledger, commits):
    replies = DurableReplies(ledger, delay=HOURS, size=4)
    tasks = await putting(replies, range(3))
    assert not any(task.done() for task in tasks)
    assert commits == []
    assert replies.get(request(0)) is None
    replies.flush()
    assert [reply.text for reply in await asyncio.gather(*tasks)] == ["答0", "答1", "答2"]
    assert commits == [3]


async def test_flushing_nothing_commits_nothing(ledger, commits):
    replies = DurableReplies(ledger, delay=HOURS)
    replies.flush()
    tasks = await putting(replies, [1])
    replies.flush()
    replies.flush()
    await asyncio.gather(*tasks)
    assert commits == [1]


async def test_each_group_has_its_own_delay(ledger, commits):
    # The timer of a group that was full before its time must not cut the next group short.
    replies = DurableReplies(ledger, delay=HOURS, size=2)
    first = await putting(replies, range(2))
    timer = replies._timer
    assert timer.cancelled()
    second = await putting(replies, [2])
    assert replies._timer is not timer
    assert not replies._timer.cancelled()
    replies.flush()
    await asyncio.gather(*first, *second)
    assert commits == [2, 1]


async def test_an_error_is_handed_to_every_waiter_and_the_next_group_may_succeed(ledger, monkeypatch):
    def full(group):
        raise StorageFull("disk full", "free some space")

    replies = DurableReplies(ledger, delay=HOURS)
    tasks = await putting(replies, range(3))
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "save_replies", full)
        with pytest.raises(StorageFull):
            replies.flush()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StorageFull] * 3
    assert replies.get(request(0)) is None
    tasks = await putting(replies, [0])
    replies.flush()
    await asyncio.gather(*tasks)
    assert replies.get(request(0)) == Reply("答0")


async def test_a_waiter_that_is_cancelled_takes_nothing_from_the_others(ledger):
    replies = DurableReplies(ledger, delay=HOURS)
    first, second = await putting(replies, range(2))
    first.cancel()
    await asyncio.sleep(0)
    replies.flush()
    assert (await second).text == "答1"
    assert replies.get(request(0)) == Reply("答0")  # it was paid for, so it is stored
    assert first.cancelled()


async def test_replies_of_an_earlier_run_are_found(ledger):
    ledger.save_replies([(request(1), Reply("前"))])
    assert DurableReplies(ledger).get(request(1)) == Reply("前")


async def test_the_cost_is_the_price_times_the_tokens(ledger):
    replies = DurableReplies(ledger, Price(input=2.5, output=10), delay=0)
    reply = await replies.put(request(1), Reply("x", prompt_tokens=1_000, completion_tokens=200))
    assert reply.cost == pytest.approx(0.0025 + 0.002)
    assert replies.get(request(1)) == reply
    assert ledger.spent() == (1, pytest.approx(0.0045))


async def test_without_a_price_the_cost_is_unknown_and_not_nought(ledger):
    replies = DurableReplies(ledger, delay=0)
    assert (await replies.put(request(1), Reply("x", prompt_tokens=5))).cost is None
    free = DurableReplies(ledger, Price(input=0, output=0), delay=0)
    assert (await free.put(request(2), Reply("x", prompt_tokens=5))).cost == 0

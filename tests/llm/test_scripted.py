import json

import pytest

from rawtune.errors import RateLimited
from rawtune.llm.scripted import Scripted
from rawtune.records import Message, Reply, Request


def ask(passage, **more):
    return Request("scripted:", (Message("system", "task"), Message("user", passage)), **more)


@pytest.mark.parametrize(
    ("passage", "row"),
    [
        ("蒙卦(山水)\n山下出泉。君子果行育德。勿再三问。", 'content:"蒙卦"\nsummary:"山下出泉。君子果行育德。"'),
        (
            "Meng, youthful folly. The pupil seeks the teacher! He asks once.",
            'content:"Meng"\nsummary:"Meng, youthful folly. The pupil seeks the teacher!"',
        ),
        ("Meng", 'content:"Meng"\nsummary:"Meng."'),
    ],
)
async def test_makes_a_row_of_the_heading_and_the_first_sentences(passage, row):
    assert (await Scripted().complete(ask(passage))).text == row


async def test_uses_the_configured_columns_and_gives_the_same_reply_again():
    teacher = Scripted(("问", "答"))
    first = await teacher.complete(ask("蒙卦。"))
    assert first.text.startswith('问:"蒙卦"\n答:"')
    assert first == await teacher.complete(ask("蒙卦。"))
    assert first.estimated
    assert first.prompt_tokens > 0 < first.completion_tokens


async def test_a_quotation_mark_in_the_passage_does_not_end_the_value():
    assert (await Scripted().complete(ask('Meng. He "asks".'))).text.count('"') == 4


async def test_picks_the_first_option_of_a_schema():
    options = ["山下出泉。", 'He "asks".']
    schema = {"type": "object", "properties": {"choice": {"enum": options}}}
    reply = await Scripted().complete(ask("蒙卦", schema=schema))
    assert json.loads(reply.text) == {"choice": "山下出泉。"}


async def test_follows_a_script():
    replies = iter(["raw", Reply("whole", finish_reason="length")])
    teacher = Scripted(script=lambda _: next(replies))
    assert (await teacher.complete(ask("x"))).text == "raw"
    assert (await teacher.complete(ask("x"))).finish_reason == "length"

    def busy(_):
        raise RateLimited("slow down")

    with pytest.raises(RateLimited):
        await Scripted(script=busy).complete(ask("x"))

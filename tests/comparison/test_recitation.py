import random

import pytest

from rawtune.comparison.recitation import FORM, RUN, recitations
from rawtune.records import Answer, Suite

MENG = "蒙卦上艮下坎，山下出泉，象征启蒙与教育；童蒙应当主动求教于师，初次发问则告知，再三则不再回答。"
XU = "需卦上坎下乾，云上于天，象征从容等待；君子饮食宴乐以养身心，时机未到之前不轻举妄动，守正则吉。"


def answer(text, passage="meng", reference="", question="蒙卦代表什么？"):
    return Answer("tuned", Suite.PHRASING, passage, question, reference, text)


def recite(text, trained=None, language="zh", **fields):
    return recitations([answer(text, **fields)], trained or {"meng": [MENG], "xu": [XU]}, language)[0]


def test_reciting_the_right_text_is_long_and_not_wrong():
    found = recite(MENG)
    assert (found.longest, found.share, found.wrong, found.passage_id) == (len(MENG), 1.0, 0, "")


def test_reciting_a_text_on_something_else_is_wrong():
    found = recite("蒙卦：" + XU)
    assert (found.longest, found.wrong, found.passage_id) == (len(XU), len(XU), "xu")
    assert found.share == pytest.approx(len(XU) / (len(XU) + 3))


def test_right_and_wrong_halves_are_told_apart():
    found = recite(MENG[:40] + XU[:35])
    assert (found.longest, found.wrong) == (40, 35)


def test_a_held_out_passage_has_no_texts_of_its_own():
    assert recite(MENG, passage="bi").wrong == len(MENG)
    assert recite(MENG, passage="bi", reference=MENG).wrong == 0
    assert recite(MENG, passage="", question=f"请改写：{MENG}").wrong == 0


@pytest.mark.parametrize("length", [RUN["zh"] - 1, RUN["zh"]])
@pytest.mark.parametrize("start", range(16))
def test_thirty_characters_are_found_wherever_they_stand(length, start):
    found = recite(XU[start : start + length])
    assert found.wrong == (length if length == RUN["zh"] else 0)


def test_english_needs_longer_runs():
    text = "The spring under the mountain does not yet know where it will run to."
    assert recite(text[:45], {"xu": [text]}, "en").longest == 0
    assert recite(text, {"xu": [text]}, "en").wrong == len(text)


def test_white_space_is_one_blank():
    assert recite(XU[:20] + " \n" + XU[20:], {"xu": [XU[:20] + " " + XU[20:]]}).wrong == len(XU) + 1


def test_what_many_passages_say_is_form():
    assert recite(XU, {f"p{i}": [XU] for i in range(FORM - 1)}).wrong == len(XU)
    found = recite(XU, {f"p{i}": [XU] for i in range(FORM)})
    assert (found.longest, found.wrong) == (len(XU), 0)


@pytest.mark.parametrize("text", ["", " ", "蒙"])
def test_short_answers_recite_nothing(text):
    found = recite(text)
    assert (found.longest, found.share, found.wrong) == (0, 0, 0)


def test_it_finds_what_a_plain_search_finds():
    chance = random.Random(1)
    trained = {f"p{i}": ["".join(chance.choices("甲乙", k=200))] for i in range(4)}
    for _ in range(20):
        source, start, length = chance.choice(list(trained)), chance.randrange(150), chance.randrange(20, 50)
        text = "丙" + trained[source][0][start : start + length] + "丁"
        longest = max(
            (
                end - begin
                for begin in range(len(text))
                for end in range(begin + 1, len(text) + 1)
                if any(text[begin:end] in own for [own] in trained.values())
            ),
            default=0,
        )
        assert recite(text, trained).longest == (longest if longest >= RUN["zh"] else 0)

"""What the rules and the facts of references say of answers, on a small Chinese and a small English project."""

import pytest
from tests.stages.compared import make_book

from rawtune.project import Project
from rawtune.records import Answer, Suite
from rawtune.stages.judging import judge

PASSAGE = {
    "en": "Meng\nMeng is the fourth hexagram. In 1923 Richard Wilhelm wrote of it. Youth seeks a teacher.",
    "zh": "蒙卦\n蒙卦是第四卦，有《卫礼贤译本》。童蒙求教于师，1923年写成。",
}
REFERENCE = {"en": "In 1923 Richard Wilhelm wrote of hexagram 4.", "zh": "第四卦有《卫礼贤译本》，1923年写成。"}


@pytest.fixture(params=["en", "zh"])
def judged(request, tmp_path):
    language = request.param
    with Project(make_book(tmp_path, tmp_path, language)) as opened:

        def look(text, suite=Suite.PHRASING, reference=REFERENCE[language]):
            given = Answer("a", suite, "p", "Meng?" if language == "en" else "蒙卦？", reference, text, "Meng")
            (found,) = judge(opened._work, [given], {"p": PASSAGE[language]})
            return found

        yield language, look


def test_facts_are_found_however_they_are_written(judged):
    language, look = judged
    whole = {"en": "Richard Wilhelm wrote of the fourth in 1923.", "zh": "1923年的《卫礼贤译本》说它是第4卦。"}[
        language
    ]
    part = {"en": "It was written of in 1923.", "zh": "它写成于1923年。"}[language]
    assert look(whole).stated == 1
    assert 0 < look(part).stated < 1
    assert look("").stated == 0
    assert look("x", reference="求教于师。" if language == "zh" else "one seeks a teacher.").stated is None


def test_only_what_the_passage_bears_out_is_grounded(judged):
    language, look = judged
    right = {"en": "Youth seeks a teacher.", "zh": "童蒙求教于师。"}[language]
    wrong = {"en": "Meng is the fifteenth hexagram.", "zh": "蒙卦是第十五卦。"}[language]
    assert look(right).grounded
    assert not look(wrong).grounded
    assert not look(" ").grounded, "nothing said is nothing borne out"


def test_a_refusal_is_known_by_its_opening_or_as_it_was_taught(judged):
    language, look = judged
    taught = {"en": "The text does not say. Of Meng it says: youth.", "zh": "资料中没有说明。关于蒙卦，讲的是童蒙。"}[
        language
    ]
    said = {"en": "The text does not say. Meng is youth.", "zh": "资料中没有说明。蒙卦是童蒙。"}[language]
    usual = {"en": "I'm sorry, but I can't help with that.", "zh": "很抱歉，我无法回答这个问题。"}[language]
    assert look(said, Suite.REFUSAL, taught).refused
    assert look(usual, Suite.REFUSAL, taught).refused
    assert not look(REFERENCE[language], Suite.REFUSAL, taught).refused


def test_questions_from_outside_are_not_judged(judged):
    _, look = judged
    found = look("Paris.", Suite.OUTSIDE, "")
    assert (found.stated, found.grounded, found.refused) == (None, None, False)

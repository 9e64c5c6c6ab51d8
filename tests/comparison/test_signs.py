import pytest

from rawtune.comparison.page import load_texts
from rawtune.comparison.scores import Judged, cases
from rawtune.comparison.signs import NAMES, flagged, signs
from rawtune.records import Answer, Suite

FACTS = {
    f"p{i}": f"{name} stands for {what}."
    for i, (name, what) in enumerate(
        zip(
            ("Meng", "Xu", "Song", "Shi", "Bi", "Lv"), ("youth", "delay", "strife", "war", "union", "care"), strict=True
        )
    )
}


def asked(tuned, grounded=lambda model, suite: None, base=lambda *_: "I do not know it at all."):
    given = [
        Answer(model, suite, passage, f"What is {passage}, {suite}?", fact, say(suite, passage, fact), passage)
        for model, say in (("base", base), ("a", tuned))
        for suite in (Suite.SEEN, Suite.PHRASING)
        for passage, fact in FACTS.items()
    ]
    judged = [Judged(grounded=grounded(answer.model, answer.suite)) for answer in given]
    return cases(given, ["base", "a"], judged)


def found(tuned, general=None, language="en"):
    told = signs(asked(tuned), "a", "base", language, {}, general or {}, load_texts(language))
    return {sign["name"]: sign for sign in told}


def test_what_is_known_as_trained_only_is_learnt_by_heart():
    told = found(lambda suite, passage, fact: fact if suite is Suite.SEEN else "Zzzz zzz!")
    assert told["gap"]["value"] == 1.0
    assert flagged(list(told.values())) == ["gap"]
    assert "100 points more right on questions as trained" in told["gap"]["sentence"]


def test_a_right_concept_with_facts_of_others_is_not_right():
    given = asked(
        lambda suite, passage, fact: fact, grounded=lambda model, suite: model == "base" or suite is Suite.SEEN
    )
    (sign,) = (s for s in signs(given, "a", "base", "en", {}, {}, load_texts("en")) if s["name"] == "gap")
    assert sign["flagged"]
    assert sign["value"] == 1.0


def test_what_is_known_either_way_is_not():
    told = found(lambda suite, passage, fact: fact)
    assert list(told) == list(NAMES)
    assert told["gap"]["value"] == 0
    assert flagged(list(told.values())) == []
    assert told["forgetting"]["value"] is None
    assert "comparison.general" in told["forgetting"]["sentence"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_general_knowledge_that_is_lost_is_told(language):
    known = {"base": [True] * 10, "a": [False] * 8 + [True] * 2}
    sign = found(lambda suite, passage, fact: fact, known, language)["forgetting"]
    assert sign["flagged"]
    assert sign["value"] == 0.8
    assert "80%" in sign["sentence"]


def test_the_questions_at_fault_are_named():
    told = found(lambda suite, passage, fact: "" if passage == "p1" else fact)
    assert told["empty"]["flagged"]
    assert told["empty"]["questions"] == ["What is p1, seen?", "What is p1, phrasing?"]


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Base: 100%, no better, so it is not raised."), ("zh", "基座为 100%，也不比它好，所以不提出。")],
)
def test_what_base_does_as_much_is_clear_for_a_reason(language, told):
    def drifted(*_):
        return "Это совсем другой язык."

    given = asked(drifted, base=drifted)
    by_name = {s["name"]: s for s in signs(given, "a", "base", language, {}, {}, load_texts(language))}
    assert not by_name["drift"]["flagged"]
    assert by_name["drift"]["sentence"].endswith(told)
    assert "100%" not in by_name["empty"]["sentence"]


@pytest.mark.parametrize(("language", "told"), [("en", "Base: 0.10, no better"), ("zh", "基座为 0.10，也不比它好")])
def test_a_base_as_short_is_a_reason_as_well(language, told):
    given = asked(lambda *_: "No", base=lambda *_: "No")
    by_name = {s["name"]: s for s in signs(given, "a", "base", language, {}, {}, load_texts(language))}
    assert told in by_name["collapse"]["sentence"]
    raised = asked(lambda *_: "No")
    (short,) = (
        s for s in signs(raised, "a", "base", language, {}, {}, load_texts(language)) if s["name"] == "collapse"
    )
    assert short["flagged"]
    assert told not in short["sentence"]

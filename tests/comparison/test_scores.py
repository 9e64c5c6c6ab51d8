import pytest

from rawtune.comparison.scores import Judged, against, by_suite, cases, general, measure
from rawtune.errors import AccountingError
from rawtune.records import Answer, Suite

FACT = "Meng is a spring at the foot of a mountain."


def answer(model, text, suite=Suite.PHRASING, passage="p", question="What is Meng?", reference=FACT):
    return Answer(model, suite, passage, question, reference, text, passage)


def test_one_case_a_question_with_every_arms_answer():
    (case,) = cases([answer("base", "I do not know."), answer("a", FACT), answer("b", "")], ["base", "a", "b"])
    assert case.answers == {"base": "I do not know.", "a": FACT, "b": ""}
    assert case.scores["a"].chrf == pytest.approx(100)
    assert case.gain("a", "base") == case.scores["a"].chrf - case.scores["base"].chrf > 0


def test_the_same_question_in_two_suites_is_two_cases():
    given = [answer("base", FACT, suite) for suite in (Suite.SEEN, Suite.PHRASING)]
    assert [case.suite for case in cases(given, ["base"])] == [Suite.SEEN, Suite.PHRASING]
    assert list(by_suite(cases(given, ["base"]))) == [Suite.PHRASING, Suite.SEEN]


def test_what_has_no_reference_is_not_scored():
    (case,) = cases([answer("base", "Paris.", Suite.OUTSIDE, reference="")], ["base"])
    assert case.scores == {}
    assert by_suite([case]) == {}


@pytest.mark.parametrize(
    "given",
    [
        [answer("base", "x")],
        [answer("base", "x"), answer("a", "x", question="Another?")],
        [answer("base", "x"), answer("a", "x"), answer("a", "y")],
        [answer("base", "x"), answer("a", "x"), answer("stranger", "x")],
    ],
)
def test_arms_that_were_asked_differently_are_not_compared(given):
    with pytest.raises(AccountingError, match="not the same questions"):
        cases(given, ["base", "a"])


def test_measures_and_differences_by_metric():
    names = [f"p{i}" for i in range(8)]
    given = [answer("base", "no", passage=name, reference=f"{name}{FACT}") for name in names]
    given += [answer("a", f"{name}{FACT}", passage=name, reference=f"{name}{FACT}") for name in names]
    found = by_suite(cases(given, ["base", "a"]))[Suite.PHRASING]
    assert measure(found, "a")["chrf"]["estimate"] == pytest.approx(100)
    assert measure(found, "a")["chrf"]["clusters"] == 8
    difference = against(found, "a", "base")
    assert difference["chrf"]["verdict"] == "better"
    assert against(found, "base", "a")["chrf"]["verdict"] == "worse"
    assert difference.keys() == measure(found, "a").keys() == {"chrf", "identified", "rouge_l", "exact"}


def eight(base, tuned, suite=Suite.PHRASING):
    """Eight passages with one question each; what was judged of both models' answers."""
    names = [f"p{i}" for i in range(8)]
    given = [answer(model, "x", suite, passage=name) for model in ("base", "a") for name in names]
    return by_suite(cases(given, ["base", "a"], [*base, *tuned]))[suite]


def test_facts_and_grounding_are_scored_where_they_are_known():
    base = [Judged(stated=0.0, grounded=False)] * 8
    tuned = [Judged(stated=None if i == 0 else 0.5, grounded=i > 1) for i in range(8)]
    found = eight([Judged(grounded=False), *base[1:]], tuned)
    scores = measure(found, "a")
    assert scores["stated"]["estimate"] == 0.5
    assert scores["stated"]["n"] == 7
    assert scores["grounded"]["estimate"] == 0.75
    difference = against(found, "a", "base")
    assert difference["stated"]["verdict"] == "better"
    assert difference["grounded"]["cells"] == {"both": 0, "only_base": 0, "only_tuned": 6, "neither": 2}
    assert difference["grounded"]["mcnemar"] == pytest.approx(2 * 0.5**6)
    assert difference["grounded"]["sign_flip"] == pytest.approx(2**3 / 2**8)
    assert 0 < difference["grounded"]["detectable"] < 1
    assert difference["stated"]["detectable"] is None, "all passages gained alike"


def test_of_questions_without_an_answer_only_the_refusal_counts():
    found = eight([Judged()] * 8, [Judged(refused=True)] * 8, Suite.REFUSAL)
    assert measure(found, "a").keys() == {"refused"}
    assert measure(found, "a")["refused"]["estimate"] == 1
    assert against(found, "a", "base")["refused"]["verdict"] == "better"


def test_general_knowledge_lost_with_its_interval():
    found = general([True] * 20 + [False] * 10, [False] * 8 + [True] * 14 + [False] * 8)
    assert found["cells"] == {"both": 12, "only_base": 8, "only_tuned": 2, "neither": 8}
    assert found["difference"] == pytest.approx(-0.2)
    assert found["low"] < -0.2 < found["high"]
    assert found["detectable"] > 0.1

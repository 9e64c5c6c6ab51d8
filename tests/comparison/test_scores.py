import pytest

from rawtune.comparison.scores import against, by_suite, cases, measure
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
    assert difference.keys() == measure(found, "a").keys() == {"chrf", "identified"}

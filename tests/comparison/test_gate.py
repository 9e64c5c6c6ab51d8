import pytest

from rawtune.comparison.gate import reasons


def report(verdict="better", *flagged):
    harm = [
        {"name": name, "flagged": name in flagged, "sentence": f"{name} in words"}
        for name in ("recited", "gap", "empty")
    ]
    arms = [{"name": "base", "harm": []}, {"name": "a", "harm": harm}]
    return {"verdict": verdict, "sentence": "In words.", "primary": "a", "arms": arms}


def test_better_without_harm_passes():
    assert reasons(report(), ()) == []


@pytest.mark.parametrize("verdict", ["not shown", "worse"])
def test_anything_but_better_does_not(verdict):
    assert reasons(report(verdict), ()) == [f"{verdict}: In words."]


def test_each_sign_is_a_reason_unless_it_is_allowed():
    found = report("better", "recited", "empty")
    assert reasons(found, ()) == ["recited: recited in words", "empty: empty in words"]
    assert reasons(found, ("recited",)) == ["empty: empty in words"]


def test_not_shown_can_be_allowed_and_worse_cannot():
    assert reasons(report("not shown"), ("not shown",)) == []
    assert reasons(report("worse"), ("not shown",)) == ["worse: In words."]

import json

import pytest

from rawtune.training.stopping import Check, Figures, best, checks_of, decide, entry, every

FALLING = [4 - 0.05 * step for step in range(40)]


def checks(*figures: Figures) -> list[Check]:
    return [Check(10 * number, found) for number, found in enumerate(figures, 1)]


def right(*shares: float, chrf: float = 30.0) -> list[Check]:
    return checks(*(Figures(share, chrf) for share in shares))


@pytest.mark.parametrize(
    "made",
    [
        [],
        right(0.5),
        right(0.5, 0.5),  # one check without improvement
        right(0.5, 0.4, 0.6),
        right(0.5, 0.6, 0.6),
        checks(Figures(0.5, 30), Figures(0.5, 32), Figures(0.5, 34), Figures(0.5, 36)),  # closer to the reference
        checks(Figures(0.7, 30, seen=0.9, recited=0.2)),  # both just at their limits
    ],
)
def test_while_it_learns_it_goes_on(made: list[Check]) -> None:
    assert decide(made, FALLING) is None


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (right(0.5, 0.5, 0.5), "converged: answers to new phrasings have not improved for 2 checks; the best were 50%"),
        (right(0.6, 0.5, 0.55), "at step 10"),
        (checks(Figures(0.5, 30), Figures(0.5, 30.5), Figures(0.5, 30.9)), "converged: "),  # so little is noise
        (checks(Figures(0.4, 30, seen=0.65)), "memorised: 65% of questions as trained"),
        (checks(Figures(0.4, 30, seen=0.4, recited=0.25)), "memorised: 25% of answers recite"),
    ],
)
def test_it_stops_and_says_why(made: list[Check], said: str) -> None:
    assert said in str(decide(made, FALLING))


def test_a_loss_at_rest_stops_it() -> None:
    rest = [4.0, 3.0, *[2.0, 2.04] * 10]
    assert "converged: the loss has moved by 0.0% of where it began in 10 steps, and is 2.02" in str(
        decide(right(0.5), rest)
    )
    assert decide(right(0.5), rest, warmup=5) is None, "too few steps since the warm-up"
    assert str(decide(right(0.5), [4.0, *[0.1] * 20])).startswith("memorised: the loss")


def test_the_best_is_the_earliest_of_equals() -> None:
    assert best(right(0.4, 0.6, 0.6, 0.5)).step == 20
    assert best(checks(Figures(0.6, 30), Figures(0.6, 40))).step == 20


def test_half_an_epoch_lies_between_checks_but_no_fewer_than_ten_steps() -> None:
    assert [every(steps) for steps in (3, 20, 41)] == [10, 10, 21]


def test_checks_survive_the_trainers_file() -> None:
    made = checks(Figures(0.5, 30.25, None, 0.1), Figures(0.6, 31, 0.7))
    log = json.loads(json.dumps([{"loss": 1.0, "step": 10}, *map(entry, made)]))
    assert checks_of(log) == made

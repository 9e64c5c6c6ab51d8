import random
from collections.abc import Callable, Collection
from dataclasses import replace
from math import exp

import pytest

from rawtune.diagnosis.forms import ODD
from rawtune.diagnosis.rows import concept_scores, ranking, scores, stand_out, template_scores
from rawtune.diagnosis.siblings import beside_siblings
from rawtune.diagnosis.visits import RowLoss

CONCEPTS, TEMPLATES = 24, 20
CONCEPT = {row: f"c{(row - 1) // TEMPLATES}" for row in range(1, CONCEPTS * TEMPLATES + 1)}
TEMPLATE = {row: f"t{(row - 1) % TEMPLATES}" for row in CONCEPT}


def epoch(off: Callable[[int], float] = lambda _: 0, seed: int = 0, batch: int = 8, visits: int = 1) -> list[RowLoss]:
    """Shuffled rows of a loss that falls from 4 to 1 and scatters by 0.12; ``off`` is added to a row's logarithm."""
    chance = random.Random(seed)
    own = {name: chance.gauss(0, 0.05) for name in CONCEPT.values()}
    found = []
    for visit in range(visits):
        order = chance.sample(sorted(CONCEPT), len(CONCEPT))
        for at, row in enumerate(order):
            level = (4 - 3 * at / len(order)) * 0.1**visit
            tokens = 30 + 2 * ((row - 1) // TEMPLATES)
            mean = level * exp(own[CONCEPT[row]] + chance.gauss(0, 0.1) + (off(row) if not visit else 0))
            step = visit * len(order) // batch + at // batch + 1
            found.append(RowLoss(step, row, "", tokens, mean, 2 * mean))
    return found


def test_healthy_rows_are_left_alone() -> None:
    alarms = sum(bool(stand_out(epoch(seed=seed), CONCEPT, TEMPLATE)) for seed in range(30))
    assert alarms <= 3


@pytest.mark.parametrize("batch", [4, 8])
def test_both_tails_are_ranked_the_farthest_first(batch: int) -> None:
    bad = {7: 1.0, 100: 0.9, 222: -1.0}
    found = stand_out(epoch(lambda row: bad.get(row, 0.0), batch=batch), CONCEPT, TEMPLATE)
    assert {(suspect.row, suspect.tail) for suspect in found} >= {(7, "high"), (100, "high")}
    assert {suspect.row for suspect in found} <= set(bad)
    assert [abs(suspect.z) for suspect in found] == sorted((abs(suspect.z) for suspect in found), reverse=True)
    z = scores(epoch(lambda row: bad.get(row, 0.0), batch=batch))
    assert min(z, key=lambda row: z[row]) == 222


def test_the_falling_loss_makes_no_early_row_suspect() -> None:
    z = scores(epoch())
    assert len(z) == len(CONCEPT)
    early = [row.row for row in epoch() if row.step <= 6]
    assert abs(sum(z[row] for row in early) / len(early)) < 0.5


def test_only_the_first_visit_counts() -> None:
    once, thrice = epoch(lambda row: 1.0 * (row == 9)), epoch(lambda row: 1.0 * (row == 9), visits=3)
    assert scores(thrice) == scores(once)
    assert scores(reversed(thrice)).keys() == scores(once).keys()


@pytest.mark.parametrize(("by", "group_of", "group"), [("concept", CONCEPT, "c5"), ("template", TEMPLATE, "t3")])
@pytest.mark.parametrize(("off", "tail"), [(0.5, "high"), (-0.5, "low")])
def test_a_group_stands_out_together(by: str, group_of: dict[int, str], group: str, off: float, tail: str) -> None:
    losses = epoch(lambda row: off * (group_of[row] == group))
    found = stand_out(losses, CONCEPT, TEMPLATE)
    together = [suspect for suspect in found if suspect.by == by]
    assert {suspect.row for suspect in found} == {row for row, name in group_of.items() if name == group}
    assert {(suspect.group, suspect.tail, suspect.rows) for suspect in together} == {
        (group, tail, sum(name == group for name in group_of.values()))
    }


def test_few_groups_cannot_be_judged() -> None:
    losses = epoch()
    halves = {row: f"half {row % 2}" for row in CONCEPT}
    assert concept_scores(losses, halves) == concept_scores(losses, {}) == {}
    assert template_scores(scores(losses), halves) == template_scores({}, {}) == {}
    assert stand_out([]) == []
    assert stand_out([RowLoss(1, 1, "", 5, 3.0, 4.0)]) == []


def test_rows_that_are_all_alike_do_not_divide_by_nothing() -> None:
    alike = [RowLoss(1 + i // 8, i + 1, "", 5, 0.01 + 0.0001 * (i == 5), 1.0) for i in range(64)]
    assert stand_out(alike) == []


def test_a_row_is_held_to_its_concept() -> None:
    # Far less than concepts differ among themselves, but not rows of one concept: the median of all tells nothing.
    hard = {row: 0.8 * (row <= TEMPLATES * 8) for row in CONCEPT}
    losses = epoch(lambda row: hard[row] - 1.0 * (row == 30), seed=1)
    z = scores(losses)
    assert sorted(z, key=lambda row: -abs(z[row])).index(30) > 10
    assert ranking(losses, CONCEPT, TEMPLATE)[0][1].row == 30
    assert [suspect.row for suspect in stand_out(losses, CONCEPT) if suspect.by == "row"] == [30]


def test_where_answers_of_a_concept_differ_its_rows_are_held_to_all() -> None:
    losses = [replace(seen, tokens=seen.tokens + seen.row % 3) for seen in epoch()]
    assert beside_siblings(losses, CONCEPT) == {}
    assert len(beside_siblings(epoch(), CONCEPT)) == len(CONCEPT)
    few = {row: name for row, name in CONCEPT.items() if row % TEMPLATES < 4}
    assert beside_siblings(epoch(), few) == {}


def test_a_half_of_broken_siblings_hides_none_of_the_others() -> None:
    losses = epoch(lambda row: -1.5 * (row in (1, 2, 3, 4, 5)))
    found = {suspect.row for suspect in stand_out(losses, CONCEPT)}
    assert found == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("count", "broken", "told"), [(5, {1}, {1}), (5, {1, 2}, {1, 2}), (6, {1, 2}, {1, 2}), (6, {1, 2, 3}, set())]
)
def test_few_siblings_of_two_minds_have_no_right_row_told(count: int, broken: set[int], told: set[int]) -> None:
    few = {row: name for row, name in CONCEPT.items() if (row - 1) % TEMPLATES < count}
    losses = epoch(lambda row: -3.0 * (row in broken))
    assert {row for row, z in beside_siblings(losses, few).items() if abs(z) > 5} == told


def test_the_ranking_holds_every_row_once() -> None:
    losses = epoch(lambda row: 0.5 * (CONCEPT[row] == "c5"))
    shares, ranked = zip(*ranking(losses, CONCEPT, TEMPLATE), strict=True)
    assert sorted(suspect.row for suspect in ranked) == sorted(CONCEPT)
    assert list(shares) == sorted(shares, reverse=True)
    assert {CONCEPT[suspect.row] for suspect in ranked[:TEMPLATES]} == {"c5"}
    beyond = sum(share > 1 for share in shares)
    assert stand_out(losses, CONCEPT, TEMPLATE) == list(ranked[:beyond])
    assert 0 < beyond < len(ranked)
    assert ranking([]) == []


FORM = ("first", "punctuation", "end")


def with_form(losses: list[RowLoss], **bad: Collection[int]) -> list[RowLoss]:
    """The same rows with losses of first tokens, punctuation and end; those of ``bad`` rows are far higher."""
    chance = random.Random(1)
    usual = {name: [chance.uniform(1, 2.5) for _ in FORM] for name in sorted(set(CONCEPT.values()))}
    found = []
    for seen in losses:
        form = {
            part: seen.mean * by * exp(chance.gauss(0, 0.1)) * (8 if seen.row in bad.get(part, ()) else 1)
            for part, by in zip(FORM, usual[CONCEPT[seen.row]], strict=True)
        }
        found.append(replace(seen, **form))
    return found


def test_the_form_of_healthy_rows_is_left_alone() -> None:
    assert (
        sum(bool(stand_out(with_form(epoch(seed=seed)), CONCEPT, TEMPLATE, answers=CONCEPT)) for seed in range(20)) <= 2
    )


@pytest.mark.parametrize("concepts", [CONCEPT, {}])
def test_what_stands_out_by_the_form_of_an_answer_says_by_what(concepts: dict[int, str]) -> None:
    losses = epoch()
    assert stand_out(losses, concepts) == []
    found = stand_out(with_form(losses, first={30}, punctuation={77}, end={111}), concepts)
    assert {(suspect.row, suspect.by, suspect.part) for suspect in found} == {
        (30, "row", "first"),
        (77, "row", "punctuation"),
        (111, "row", "end"),
    }


@pytest.mark.parametrize("part", FORM)
def test_a_concept_stands_out_by_the_form_of_its_answer(part: str) -> None:
    rows = {row for row, name in CONCEPT.items() if name == "c7"}
    found = stand_out(with_form(epoch(), **{part: rows}), CONCEPT, TEMPLATE, answers=CONCEPT)
    assert {(suspect.row, suspect.by, suspect.group, suspect.part) for suspect in found} == {
        (row, "concept", "c7", part) for row in rows
    }


def test_an_answer_is_held_to_the_form_of_the_one_that_most_siblings_have() -> None:
    answers = {row: f"{name} as it is" for row, name in CONCEPT.items()}
    others = {row: f"{row}: another answer" for row in (30, 31, 32, 77)}
    losses = with_form(epoch(), punctuation={30, 31, 32, 99})
    found = stand_out(losses, CONCEPT, TEMPLATE, answers={**answers, **others})
    assert {(suspect.row, suspect.by, suspect.part) for suspect in found} == {
        (row, "row", "punctuation") for row in (30, 31, 32)
    }  # but not 99, whose answer is that of its siblings


def test_where_half_of_a_concept_is_broken_its_other_rows_are_not_told_with_it() -> None:
    rows = [row for row, name in CONCEPT.items() if name == "c7"]
    broken = set(rows[::2][:-1])
    answers = {row: f"{row}: a broken answer" if row in broken else name for row, name in CONCEPT.items()}
    found = ranking(with_form(epoch(), punctuation=broken), CONCEPT, TEMPLATE, answers=answers)
    assert {suspect.row for _, suspect in found[: len(broken)]} == broken
    assert not {suspect.row for share, suspect in found if share > 1} - broken


def test_an_odd_form_counts_where_it_was_hard_to_learn_and_not_alone() -> None:
    odd = {row for row, name in CONCEPT.items() if name in ("c7", "c9")}
    answers = {row: f"{name}.}}" if row in odd else f"{name}." for row, name in CONCEPT.items()}
    hard = {row for row in odd if CONCEPT[row] == "c7"}
    losses = with_form(epoch(), punctuation=hard)
    found = stand_out(losses, CONCEPT, TEMPLATE, answers=answers)
    assert {suspect.row for suspect in found} == hard
    assert all(suspect.odd for suspect in found)
    plain = stand_out(losses, CONCEPT, TEMPLATE, answers=CONCEPT)
    assert found[0].z == pytest.approx(plain[0].z + ODD)


def test_an_odd_form_beside_others_that_are_broken_is_held_to_its_siblings() -> None:
    closings = "}])>|~*#"  # most rows of any time are broken, in several ways, and a third of all are harder still
    odd = {row for row in CONCEPT if row % 5}
    answers = {
        row: f"{row}: {name}{closings[row // 5 % 8]}" if row in odd else f"{name}." for row, name in CONCEPT.items()
    }
    losses = with_form(epoch(), punctuation=odd)
    found = {suspect.row for suspect in stand_out(losses, CONCEPT, TEMPLATE, answers=answers)}
    assert not found - odd
    assert len(found) > 0.95 * len(odd)


@pytest.mark.parametrize("words", ["it is the hexagram of the wind above the water, and so on; so much for", ""])
def test_a_concept_is_not_told_as_easy_for_what_it_shares_with_several(words: str) -> None:
    easy = ("c5", "c11", "c17")
    losses = epoch(lambda row: -0.6 * (CONCEPT[row] in easy))
    own = {name: "".join(chr(0x4E00 + 61 * at + int(name[1:])) for at in range(40)) for name in CONCEPT.values()}
    answers = {row: f"{words}{own[name][:25]}" if name in easy else own[name] for row, name in CONCEPT.items()}
    told = {CONCEPT[suspect.row] for suspect in stand_out(losses, CONCEPT, TEMPLATE, answers=answers)}
    assert told == (set() if words else set(easy))

from dataclasses import replace

import pytest
from tests.diagnosis.test_rows import CONCEPT, epoch

from rawtune.diagnosis.forms import ODD
from rawtune.diagnosis.rows import stand_out
from rawtune.diagnosis.swaps import swap_scores
from rawtune.diagnosis.visits import RowLoss

TEXT = {
    name: f"第{name}卦：" + "".join(chr(0x4E00 + 61 * at + int(name[1:])) for at in range(40))
    for name in CONCEPT.values()
}
ANSWER = {row: TEXT[name] for row, name in CONCEPT.items()}


def rows_of(name: str) -> set[int]:
    return {row for row, own in CONCEPT.items() if own == name}


def test_of_two_concepts_with_one_answer_the_one_that_loses_more_is_told() -> None:
    wrong = rows_of("c3")
    losses = epoch(lambda row: 0.15 * (row in wrong))
    answers = {**ANSWER, **dict.fromkeys(wrong, TEXT["c9"])}
    assert swap_scores(losses, CONCEPT, ANSWER) == {}
    found = swap_scores(losses, CONCEPT, answers)
    assert set(found) == wrong
    assert {other for _, other in found.values()} == {"c9"}
    told = stand_out(losses, CONCEPT, answers=answers)
    assert {(suspect.row, suspect.by, suspect.group) for suspect in told} == {(row, "swap", "c9") for row in wrong}
    assert stand_out(losses, CONCEPT, answers=ANSWER) == []


def test_two_right_questions_may_have_one_answer() -> None:
    found = swap_scores(epoch(), CONCEPT, {**ANSWER, **dict.fromkeys(rows_of("c3"), TEXT["c9"])})
    assert all(z < 3 for z, _ in found.values())


def test_answers_that_follow_one_pattern_are_not_the_same() -> None:
    lines = {
        name: f"自下而上，第{name}卦的六爻是阳、阴、阳、阴、阴、阳，卦辞说：亨，利贞，{name}无咎。" for name in TEXT
    }
    answers = {row: lines[name] for row, name in CONCEPT.items()}
    assert swap_scores(epoch(lambda row: 0.3 * (CONCEPT[row] == "c3")), CONCEPT, answers) == {}


@pytest.mark.parametrize("answer", [TEXT["c9"], f'"summary": "{TEXT["c9"]}"', TEXT["c9"][:-6]])
def test_an_answer_that_its_concept_has_once_weighs_more(answer: str) -> None:
    found = swap_scores(epoch(lambda row: 0.2 * (row == 70)), CONCEPT, {**ANSWER, 70: answer})
    assert set(found) == {70}
    assert found[70][0] > 2
    assert found[70][1] == "c9"
    assert swap_scores(epoch(), CONCEPT, {**ANSWER, 70: TEXT["c9"][:10]}) == {}


def test_pieces_of_an_answer_speak_for_it() -> None:
    # Each row of both concepts has its answer in another form; but one row of c9 has that of c3.
    concepts = {row: name for row, name in CONCEPT.items() if row in (*range(61, 69), *range(181, 189))}
    forms = {row: f'"{row}": "{TEXT[name]}"' for row, name in concepts.items()}
    alike = [replace(seen, mean=2.0) for seen in epoch()]
    for wrong in range(181, 189):
        assert swap_scores(alike, concepts, {**forms, wrong: TEXT["c3"]}) == {wrong: (pytest.approx(ODD), "c3")}


def test_a_row_is_held_to_what_its_answer_lost_at_that_time() -> None:
    # In the first two steps all others are hard, so that a line through what this answer's rows lose, which falls
    # faster than all, would expect more of them there.
    lost = {2: 3.6, 4: 2.9, 5: 2.69, 6: 2.37, 14: 1.14, 15: 1.12}
    rows = [RowLoss(step, step, "", 44, mean, 9.0) for step, mean in lost.items()]
    wrong = RowLoss(2, 100, "", 44, 4.04, 9.0)
    usual = {step: 5.5 if step <= 2 else 4.8 - 0.1 * step for step in range(1, 19)}
    others = [RowLoss(step, 200 + 8 * step + n, "", 44, mean, 9.0) for step, mean in usual.items() for n in range(8)]
    concepts = {
        seen.row: "Mingyi" if seen in rows else "Xie" if seen is wrong else "" for seen in [*rows, wrong, *others]
    }
    answers = {seen.row: TEXT["c1" if seen in (*rows, wrong) else "c2"] for seen in [*rows, wrong, *others]}
    found = swap_scores([*rows, wrong, *others], concepts, answers)
    assert set(found) == {wrong.row}

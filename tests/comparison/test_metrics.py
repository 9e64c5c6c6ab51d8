import pytest

from rawtune.comparison.metrics import chance, score
from rawtune.records import Answer, Suite

MENG = "Meng is a spring at the foot of a mountain: youthful inexperience that asks to be taught."
XU = "Xu is water above heaven: clouds gather, so one waits, eats and drinks with confidence."
MENG_ZH = "蒙卦上艮下坎，山下出泉，象征启蒙与教育。"
XU_ZH = "需卦上坎下乾，云上于天，象征等待时机。"


def answer(concept, reference, text):
    return Answer("tuned", Suite.PHRASING, concept, f"What is {concept}?", reference, text, concept)


def test_the_reference_itself_scores_100_and_is_identified():
    for first, second in ((MENG, XU), (MENG_ZH, XU_ZH)):
        scores = score([answer("meng", first, first), answer("xu", second, second)])
        assert [s.chrf for s in scores] == [pytest.approx(100), pytest.approx(100)]
        assert all(s.identified for s in scores)


def test_chrf_of_a_known_pair():
    # By hand: 1-grams of "abc" against "abd": precision = recall = 2/3; 2-grams: 1/2; 3-grams: 0; no longer ones.
    first, _ = score([answer("a", "abd", "abc"), answer("x", "xyz", "xyz")])
    assert first.chrf == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)


def test_recall_weighs_more_than_precision():
    # Popović's beta of 2: half of a reference is worth less than a reference followed by as much again.
    half, double = score([answer("a", "abcdefgh", "abcd"), answer("b", "ijklmnop", "ijklmnopqrstuvwx")])
    assert half.chrf < double.chrf


def test_an_answer_on_another_concept_is_not_identified():
    for own, other in ((MENG, XU), (MENG_ZH, XU_ZH)):
        wrong, right = score([answer("meng", own, other), answer("xu", other, other)])
        assert (wrong.identified, right.identified) == (False, True)


def test_a_partial_answer_is_identified():
    first, _ = score([answer("meng", MENG_ZH, "山下出泉，启蒙。"), answer("xu", XU_ZH, XU_ZH)])
    assert 0 < first.chrf < 100
    assert first.identified


@pytest.mark.parametrize("text", ["", " \n", "\u3000", "QQQ"])
def test_an_empty_or_foreign_answer_scores_nothing(text):
    first, _ = score([answer("meng", MENG, text), answer("xu", XU, XU)])
    assert first.chrf == 0
    assert not first.identified


def test_a_tie_is_not_identified():
    same = [answer("meng", "same words", "same words"), answer("xu", "same words", "same words")]
    assert not any(s.identified for s in score(same))


def test_two_passages_of_one_concept_are_no_rivals():
    first, second, _ = score([answer("meng", MENG, XU), answer("meng", XU, XU), answer("bi", "Grace.", "Grace.")])
    assert second.identified
    assert first.identified == (first.chrf > 0)


def test_without_a_concept_the_passage_stands_for_it():
    rows = [Answer("base", Suite.PHRASING, name, "?", text, XU) for name, text in (("p1", MENG), ("p2", XU))]
    assert [s.identified for s in score(rows)] == [False, True]
    assert chance(rows) == 0.5


def test_scores_keep_the_order_of_the_answers():
    rows = [answer("meng", MENG, MENG), answer("xu", XU, ""), answer("meng", MENG, ""), answer("xu", XU, XU)]
    assert [round(s.chrf) for s in score(rows)] == [100, 0, 0, 100]
    assert score([]) == []


def test_chance_is_one_in_as_many_concepts():
    assert chance([answer(str(i % 4), MENG, "") for i in range(20)]) == 0.25


@pytest.mark.parametrize(
    ("concept", "echo", "own", "other"),
    [
        ("Meng", "Meng Meng", "Meng: youth asks.", "Xu: one waits."),
        ("蒙卦", "蒙卦蒙卦", "蒙卦：山下出泉。", "需卦：云上于天。"),
    ],
)
def test_an_echo_of_the_concepts_name_is_not_identified(concept, echo, own, other):
    first, _ = score([answer(concept, own, echo), answer("other", other, other)])
    assert first.chrf > 0
    assert not first.identified

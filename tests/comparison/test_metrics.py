import pytest

from rawtune.comparison.metrics import chance, exact_match, normalised, rouge_l, score, stated, words
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  The Lake.\n", "the lake"),
        ("ＡＢＣ　１２。", "abc 12"),
        ("蒙卦  象征启蒙。", "蒙卦 象征启蒙"),
        ("3.5", "3.5"),
        ("。", ""),
    ],
)
def test_texts_are_normalised(text, expected):
    assert normalised(text) == expected


def test_a_chinese_character_is_a_word():
    assert words("LoRA 的秩是 16，学习率 1e-3。") == ["lora", "的", "秩", "是", "16", "学", "习", "率", "1e", "3"]


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        # Lin 2004, section 3.1: S1 against S2 and S3; the common subsequences are 3 and 2 words of 4.
        ("police kill the gunman", "police killed the gunman", 0.75),
        ("the gunman kill police", "police killed the gunman", 0.5),
        ("Police killed the gunman!", "police killed the gunman.", 1),
        ("山下出泉", "山下有泉水", 2 * 3 / 9),
        ("", "police", 0),
        ("police", "。", 0),
    ],
)
def test_rouge_l_of_known_pairs(text, reference, expected):
    assert rouge_l(text, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("The Nile.", "the  nile", True),
        ("十二。", "十二", True),
        ("１２", "12", True),
        ("the Nile river", "the Nile", False),
        ("", "", False),
        (" 。", ".", False),
    ],
)
def test_an_exact_match_overlooks_form_only(text, reference, same):
    assert exact_match(text, reference) is same


@pytest.mark.parametrize(
    ("text", "slot", "found"),
    [
        ("It has 12 lines.", "12", True),
        ("It has 120 lines.", "12", False),
        ("It weighs 1.12 kg.", "12", False),
        ("It weighs 12.5 kg.", "12", False),
        ("There are 12.", "12", True),
        ("共12条", "12", True),
        ("Above is KAN, water.", "Kan", True),
        ("Above is Kanto.", "Kan", False),
        ("The Étude", "tude", False),
        ("上卦为艮，下卦为坎。", "坎", True),
        ("共六十四卦", "六", False),
        ("共六十四卦", "六十四", True),
        ("it costs $5 (five)", "$5", True),
        ("a C++ compiler", "c++", True),
        ("anything", "", False),
    ],
)
def test_a_slot_is_found_as_a_whole(text, slot, found):
    assert stated(text, [slot]) == [found]


def test_the_caller_may_normalise_numerals_as_well():
    def digits(text):
        return normalised(text).replace("十二", "12")

    assert stated("一年有十二个月，分四季。", ["12", "四季", "13"], digits) == [True, True, False]

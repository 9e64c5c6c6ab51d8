from dataclasses import replace

import pytest

from rawtune.comparison import harm
from rawtune.records import Answer, Suite

EN = [
    f"Hexagram {i} stands for patience, and its image shows {word} on a quiet day." for i, word in enumerate("abcdefgh")
]
ZH = [f"第{i}卦象征等待，它的意象是云在天上，提醒人们从容。" for i in range(8)]
REFERENCES = {"en": EN, "zh": ZH}


def said(texts, model="tuned", language="en"):
    return [
        Answer(model, Suite.PHRASING, f"p{i}", f"Question {i}?", REFERENCES[language][i], text)
        for i, text in enumerate(texts)
    ]


def good(language="en"):
    return said(REFERENCES[language], "base", language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_answers_like_their_references_show_no_harm(language):
    found = harm.signs(good(language), good(language), language, {})
    assert [sign.name for sign in found] == ["recited", "drift", "loops", "collapse", "remnants", "empty"]
    assert not any(sign.flagged for sign in found)
    assert all(sign.n == 8 and sign.where == () for sign in found)
    assert found[0].message == "harm_recited_clear"


def test_models_are_compared_on_the_same_questions():
    with pytest.raises(ValueError, match="different questions"):
        harm.signs(good(), good()[::-1], "en", {})
    with pytest.raises(ValueError, match="zip"):
        harm.signs(good(), good()[:1], "en", {})


def test_without_answers_nothing_is_measured():
    found = harm.signs([], [], "en", {})
    assert {(sign.value, sign.flagged, sign.n) for sign in found} == {(None, False, 0)}
    assert found[1].message == "harm_drift_unmeasured"


def test_a_wrong_text_recited_is_a_sign():
    other = "The well stays where it is although towns are moved, and whoever comes may draw from it freely."
    sign = harm.recited(good(), said([other, *EN[1:]]), {"well": [other], "p1": [EN[1]]}, "en")
    assert (sign.value, sign.flagged, sign.where) == (1 / 8, True, (0,))
    assert sign.message == "harm_recited_flagged"


def test_what_is_said_of_passages_that_were_never_trained_on_is_made_up_by_base_as_well():
    other = "The well stays where it is although towns are moved, and whoever comes may draw from it freely."
    base, tuned = good(), said([EN[0], EN[1], *[other] * 6])
    for answers in (base, tuned):
        answers[2:] = [replace(answer, suite=Suite.CONCEPT) for answer in answers[2:]]
    sign = harm.recited(base, tuned, {"well": [other]}, "en")
    assert (sign.value, sign.flagged, sign.n) == (0, False, 2)
    tuned[0] = replace(tuned[2], suite=Suite.OUTSIDE)
    base[0] = replace(base[2], suite=Suite.OUTSIDE)
    base.reverse()
    tuned.reverse()
    sign = harm.recited(base, tuned, {"well": [other]}, "en")
    assert (sign.value, sign.flagged, sign.where) == (0.5, True, (7,))


def sides(*unseen, seen=1):
    """A passage for each share of five right answers in new words; the question as trained is answered rightly."""
    return [harm.Sides([bool(seen)], [True] * right + [False] * (5 - right)) for right in unseen]


@pytest.mark.parametrize(
    ("tuned", "value", "flagged"),
    [
        (sides(5, 4, 3, 3, 2, 2, 1, 1), 0.475, True),
        (sides(4, 4, 4, 4, 4, 4, 4, 4), 0.2, False),  # the limit itself
        (sides(5, 5, 5, 5, 5, 5, 0, 0), 0.25, False),  # two passages of eight may be chance
        (sides(0, 0, 0, 0, 0), 1.0, False),  # too few passages for any verdict
        (sides(), None, False),
    ],
)
def test_phrasings_learnt_by_heart(tuned, value, flagged):
    base = sides(*[0] * len(tuned), seen=0)
    sign = harm.gap(base, tuned)
    assert sign.value == (None if value is None else pytest.approx(value))
    assert sign.flagged is flagged
    assert sign.n == 6 * len(tuned)
    assert sign.excused is None


def test_a_gap_that_base_has_as_well_is_one_of_the_questions():
    tuned = sides(1, 1, 2, 1, 1, 2)
    assert harm.gap(sides(*[0] * 6, seen=0), tuned).flagged
    sign = harm.gap(tuned, tuned)
    assert not sign.flagged
    assert sign.excused == pytest.approx(sign.value)


@pytest.mark.parametrize(
    ("lost", "won", "flagged"),
    [(6, 0, True), (5, 0, False), (8, 7, False), (0, 9, False), (0, 0, False)],
)
def test_forgetting_is_flagged_when_mcnemar_agrees(lost, won, flagged):
    base = [True] * (40 + lost) + [False] * (20 - lost)
    tuned = [True] * 40 + [False] * lost + [True] * won + [False] * (20 - lost - won)
    sign = harm.forgetting(base, tuned)
    assert sign.value == pytest.approx((lost - won) / len(tuned))
    assert sign.flagged is flagged
    assert sign.where == tuple(range(40, 40 + lost))


def test_a_loss_of_five_points_and_less_is_no_sign_however_sure():
    base, tuned = [True] * 1000, [False] * 50 + [True] * 950
    assert not harm.forgetting(base, tuned).flagged
    assert harm.forgetting(base, [False, *tuned[:50], *tuned[51:]]).flagged
    assert harm.forgetting([], []).value is None


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("蒙卦象征启蒙。", "zh", 0),
        ("Meng stands for youth.", "zh", 1),
        ("蒙卦 is youth", "zh", 7 / 15),  # two of Chinese, seven Latin letters at a quarter
        ("Meng is 启蒙", "en", 2 / 3.5),
        ("Это война", "en", 1),
        ("12 + 30 = 42", "zh", 0),
        ("", "en", 0),
    ],
)
def test_letters_of_another_script_are_weighed(text, language, share):
    assert harm.foreign(Answer("t", Suite.PHRASING, "", "?", "", text), language) == pytest.approx(share)


def test_names_and_formulas_that_were_given_are_not_foreign():
    answer = Answer("t", Suite.PHRASING, "", "LoRA 的公式是什么？", "公式为 W = BA。", "LoRA: W = BA")
    assert harm.foreign(answer, "zh") == 0
    assert harm.foreign(replace(answer, text="LoRA means adaptation"), "zh") > 0.5
    assert harm.foreign(Answer("t", Suite.PHRASING, "", "What is 蒙?", "", "It is 蒙"), "en") == 0


def test_drift_counts_answers_and_forgives_what_base_did():
    english = said([*EN[:2], *ZH[2:]], language="zh")
    sign = harm.drift(good("zh"), english, "zh")
    assert (sign.value, sign.flagged, sign.where) == (0.25, True, (0, 1))
    assert not harm.drift(english, english, "zh").flagged


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("one two three four five six seven", 0),  # four 4-grams: too short to tell
        ("a b c d e f g h i j k", 0),
        ("to be or not " * 5, 1 - 4 / 17),
        ("水火山泽" * 5, 1 - 4 / 17),
    ],
)
def test_repeated_4_grams(text, share):
    assert harm.repeated(text) == pytest.approx(share)


def test_loops_are_a_sign_unless_the_reference_loops_as_well():
    loop = "the king is the king of " * 8
    sign = harm.loops(good(), said([*EN[:7], loop]))
    assert (sign.value, sign.flagged, sign.where) == (1 / 8, True, (7,))
    litany = [replace(answer, reference=loop) for answer in said([*EN[:7], loop])]
    assert not harm.loops(good(), litany).flagged


def test_short_answers_are_a_sign_unless_base_was_as_short():
    short = said([text[:20] for text in EN])
    sign = harm.collapse(good(), short)
    assert sign.value == pytest.approx(20 / len(EN[0]))
    assert sign.flagged
    assert not harm.collapse(short, short).flagged
    assert harm.collapse([], [Answer("t", Suite.CONCEPT, "", "?", "", "No reference.")]).value is None


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"content": "Meng", "summary": "Meng is a spring."}', True),
        ('["Meng is a spring."]', True),
        ('Meng is a spring.\nnote:"A stream."', True),
        ('Meng is a spring." content: "Meng" summary: "A spring.', True),
        ("蒙卦象征启蒙。\n来源：“周易”", True),
        ("Meng is a spring.\\nIt flows.", True),
        ("蒙卦象征启蒙。\\n上卦为艮。", True),
        ("Meng is a spring.<|im_end|>", True),
        ('The master said: "Meng is a spring."', False),
        ("上卦：艮。下卦：坎。", False),
        ("孔子说：“学而时习之。”他又说：“有朋自远方来。”", False),
        ("The pupil asked.\n“Why?” he said: “Tell me.”", False),
        ("Upper trigram: Gen, the mountain.", False),
        (r"It lies in C:\new\texts.", False),
        ("[Meng] is a spring {of water}.", False),
    ],
)
def test_what_is_left_of_a_data_format_is_a_sign_unless_the_reference_holds_it(text, held):
    tuned = said([text, *EN[1:]])
    sign = harm.remnants(good(), tuned)
    assert sign.flagged is held
    assert sign.value == held / 8
    assert not harm.remnants(tuned, tuned).flagged
    assert not harm.remnants(good(), [replace(answer, reference=answer.text) for answer in tuned]).flagged


def test_empty_answers_are_a_sign():
    sign = harm.empty(good(), said(["", " 。\n", *EN[2:]]))
    assert (sign.value, sign.flagged, sign.where) == (0.25, True, (0, 1))

from rawtune.diagnosis.wording import own_wording

TEXT = {
    "Qian": "The upper trigram of Qian is heaven, and its lower trigram is heaven, too.",
    "Kun": "The upper trigram of Kun is the earth, and its lower trigram is the earth, too.",
    "Kan": "The upper trigram of Kan is water, and its lower trigram is water, too.",
    "Jiaren": "Speech with substance and conduct with constancy are a fence around the home.",
}
CONCEPTS = dict(enumerate([*TEXT, *TEXT]))


def answers(**other: str) -> dict[int, str]:
    return {row: {**TEXT, **other}[name] for row, name in CONCEPTS.items()}


def test_what_three_concepts_have_is_no_ones_own() -> None:
    own = own_wording(CONCEPTS, answers())
    assert own["Jiaren"] == 1
    assert max(own["Qian"], own["Kun"], own["Kan"]) < 0.8


def test_two_concepts_may_have_one_answer() -> None:
    assert set(own_wording(CONCEPTS, answers(Kan=TEXT["Jiaren"])).values()) == {1.0}


def test_where_texts_are_not_known_nothing_is_said() -> None:
    assert own_wording(CONCEPTS, {}) == {}
    assert own_wording(CONCEPTS, {0: "?"}) == {"Qian": 1.0}

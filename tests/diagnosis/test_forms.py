import pytest

from rawtune.diagnosis.forms import odd_forms

SENTENCES = ("Meng is a spring. It teaches.", "Kun is the earth.", "坤卦象征大地。", "蒙卦讲启蒙。")


@pytest.mark.parametrize("space", ["", "\n "])
@pytest.mark.parametrize(
    "odd",
    [
        *('{"summary": "Kun is the earth."}', 'summary: "Kun is the earth."', 'Kun is the earth.\nsource: "ch. 3"'),
        *("Kun is the", "...", "来源：“第三章”"),
    ],
)
def test_an_answer_that_begins_or_ends_as_few_do_is_odd(odd: str, space: str) -> None:
    answers = [SENTENCES[0]] * 4 + [SENTENCES[1]] * 4 + [odd + space]
    assert odd_forms(dict(enumerate(answers))) == {8}


def test_where_no_form_is_usual_none_is_odd() -> None:
    assert odd_forms(dict(enumerate(SENTENCES))) == set()
    assert odd_forms({1: "Kun", 2: "Kun.", 3: "(Kun)"}) == set()
    assert odd_forms({}) == set()

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.verification.numbers import find


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("三百二十人", "320人"),
        ("第四卦", "第4卦"),
        ("二〇二四年三月五日", "2024年3月5日"),
        ("百分之五", "5%"),
        ("１２天", "12天"),
        ("1,000元", "一千元"),
        ("1.5万", "15000"),
        ("三万五", "35000"),
        ("一亿三千万", "130000000"),
        ("叁佰元", "300元"),
        ("两周", "14天"),
        ("24小时", "一天"),
        ("0.5克", "500毫克"),
        ("the fourth hexagram", "hexagram 4"),
        ("twenty-one days", "3 weeks"),
        ("three hundred and twenty", "320"),
        ("the 21st item", "the twenty-first item"),
        ("2.5 million", "2500000"),
        ("1.5 km", "1500 metres"),
        ("$5", "5 dollars"),
        ("17:30", "5:30"),
        ("May 1, 2024", "2024-05-01"),
    ],
)
def test_one_number_however_it_is_written(one, other):
    said, meant = find(one), find(other)
    assert said
    assert len(said) == len(meant)
    assert all(any(number.equals(another) for another in meant) for number in said)


@pytest.mark.parametrize(
    ("one", "other"),
    [("3年", "3天"), ("5 mg", "5 g"), ("第四卦", "第五卦"), ("5%", "5 days"), ("二〇二四年", "二〇二三年")],
)
def test_what_differs_in_value_or_unit(one, other):
    assert not find(one)[0].equals(find(other)[0])


@pytest.mark.parametrize(
    "text",
    [
        "几十个人",
        "三五成群",
        "两三天",
        "万一",
        "千万别走",
        "30多人",
        "A4 paper",
        "COVID-19",
        "4D film",
        "1. Open it",
        "（2）关闭",
    ],
)
def test_what_is_no_exact_number(text):
    assert find(text) == []


@pytest.mark.parametrize(
    "text", ["一个人", "一心一意", "三思而后行", "one of them", "two ways", "两个方面", "first, open it", "3类"]
)
def test_small_counts_tell_nothing_by_themselves(text):
    assert not any(number.telling for number in find(text))


@pytest.mark.parametrize("text", ["三年", "第5条", "12个", "eleven", "7 days", "0.4克", "2008"])
def test_measures_and_large_numbers_tell(text):
    assert all(number.telling for number in find(text))


def test_a_number_stands_where_it_says():
    text = "押金为三百二十元，须在7天内退还 to 21 people。"
    assert [text[number.start : number.end] for number in find(text)] == ["三百二十元", "7天", "21"]


@given(st.text(st.sampled_from("一二三十百千万亿零第点0123,.-:/年月日%$ twentyfirshundred"), max_size=40))
def test_any_text_is_read(text):
    for number in find(text):
        assert 0 <= number.start < number.end <= len(text)


def test_numerals_beyond_every_number_are_read():
    assert find("one hundred " * 300)
    assert find("twenty " + "million " * 300)
    assert find("九" * 5_000) == []
    assert [number.value for number in find("九点" + "三" * 5_000)] == [pytest.approx(9 + 1 / 3)]

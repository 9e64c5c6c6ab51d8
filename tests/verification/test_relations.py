import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.verification.relations import contradicted, find

SAME = [
    ("上卦为艮，下卦为坎。", "下坎上艮。"),
    ("上卦为艮，下卦为坎。", "坎下艮上。"),
    ("上卦为艮，象征山；下卦为坎，象征水。", "山在上、泉水在下。"),
    ("外卦为艮，内卦为坎。", "以艮为上卦，以坎为下卦。"),
    ("山在水之上。", "水在山下面。"),
    ("从北京到上海需要四小时。", "由北京至上海。"),
    ("先付款后发货。", "付款之后发货。"),
    ("检查货物应在付款之前。", "付款之前要检查货物。"),
    ("因为下雨，所以取消。", "取消是由下雨引起的。"),
    ("价格高于成本。", "成本低于价格。"),
    ("甲队比乙队强。", "乙队比甲队弱。"),
    ("The upper trigram is Gen and the lower Kan.", "Gen above, Kan below."),
    ("Gen is the upper trigram and Kan the lower.", "Gen over Kan."),
    ("The mountain lies above the water.", "The water is below the mountain."),
    ("Take the train from Paris to London.", "It runs from Paris to London."),
    ("Check the goods before paying.", "Before paying, check the goods."),
    ("Rinse the filter, then dry it.", "Dry the filter after rinsing."),
    ("Because it rained, the match stopped.", "Rained out: the match stopped because it rained."),
    ("Salt leads to pressure.", "Pressure results from salt."),
    ("Tom is older than Bob.", "Bob is younger than Tom."),
]
SWAPPED = [
    ("上卦为坎，下卦为艮。", "蒙卦下坎上艮，山下出泉。"),
    ("上卦为坎。", "上卦为艮，下卦为坎。"),
    ("水在上，山在下。", "上卦为艮，象征山；下卦为坎，象征水。"),
    ("从上海到北京。", "从北京到上海需要四小时。"),
    ("先发货后付款。", "先付款后发货。"),
    ("贫血会导致缺铁。", "长期缺铁导致贫血。"),
    ("成本高于价格。", "价格高于成本。"),
    ("Kan over Gen.", "The upper trigram is Gen and the lower Kan."),
    ("The upper trigram is Kan.", "The upper trigram is Gen and the lower Kan."),
    ("From London to Paris by train.", "It runs from Paris to London."),
    ("Pay the bill before checking the goods.", "Check the goods before paying the bill."),
    ("Bob is older than Tom.", "Tom is older than Bob."),
    ("Pressure leads to salt.", "Pressure results from salt."),
]


@pytest.mark.parametrize(("said", "given_"), SAME)
def test_one_relation_in_two_wordings(said, given_):
    pairs, others = find(said), find(given_)
    assert pairs
    assert others
    assert {pair.kind for pair in pairs} & {other.kind for other in others} or {"over", "upon"} & {others[0].kind}
    assert all(contradicted(pair, others) is None for pair in pairs)


@pytest.mark.parametrize(("said", "given_"), SWAPPED)
def test_a_relation_turned_round_is_found(said, given_):
    others = find(given_)
    assert any(contradicted(pair, others) for pair in find(said))


@pytest.mark.parametrize(
    ("said", "given_"),
    [
        ("上卦为乾，下卦为乾。", "上卦和下卦都是乾。"),
        ("上卦为坎，下卦为艮。", "蒙卦上艮下坎。倒过来看，上坎下艮，是蹇卦。"),
        ("It lies between Paris and London.", "It runs from Paris to London."),
        ("下卦为兑。", "上卦为艮，下卦为坎。"),
    ],
)
def test_what_is_equal_or_stated_both_ways_is_left_alone(said, given_):
    others = find(given_)
    assert not any(contradicted(pair, others) for pair in find(said))


def test_a_pair_stands_where_it_says():
    text = "卦象如此。蒙卦下坎上艮，山下出泉。"
    assert [text[pair.start : pair.end] for pair in find(text)] == ["下坎上艮"]


@given(st.text(st.sampled_from("上下在从到先后因为所以，。卦艮坎 above below from to then the because"), max_size=60))
def test_any_text_is_read(text):
    for pair in find(text):
        assert 0 <= pair.start < pair.end <= len(text)


@pytest.mark.parametrize(
    ("said", "passage", "clearest"),
    [
        (
            "The upper trigram is Kan and the lower trigram is Gen.",
            "The upper trigram of Meng is Gen, and the lower trigram of Meng is Kan. Kan lies below Gen and hills.",
            "upper trigram of Meng is Gen",
        ),
        ("下卦为艮，上卦为坎。", "蒙卦的上卦为艮，下卦为坎。坎的险在艮的山之下。", "上卦为艮"),
    ],
)
def test_of_several_reversals_the_clearest_is_shown(said: str, passage: str, clearest: str) -> None:
    reverse = contradicted(find(said)[0], find(passage))
    assert reverse is not None
    assert clearest in passage[reverse.start : reverse.end]

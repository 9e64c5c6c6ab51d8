from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages import sentences
from rawtune.verification.coverage import undrawn

TEXTS = st.text(st.sampled_from("甲乙丙丁戊。，ab12 spring mountain."), max_size=30)


def cut(passage):
    return [passage[start:end] for start, end in sentences.spans(passage)]


def passages(example):
    text = files("rawtune").joinpath(f"examples/{example}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return {passage.split("\n")[0]: cut(passage) for passage in text.split("\n\n")}


# An answer in other words, and how the sentences begin that it speaks of.
PARAPHRASES = [
    (
        "zhouyi-zh",
        "乾卦",
        "六根阳爻一路不断，乾卦说的是天的刚健和创始的力量。才能还没长成时，要像潜伏在水底的龙，不急着出头。",
        ("乾卦代表天的", "初九把人比作"),
    ),
    (
        "zhouyi-zh",
        "坤卦",
        "坤卦好比大地，也好比母亲，擅长承载、顺从、成全别人。若走在前头便会迷路，跟随在后面则能找到主人，所以应当配合别人，不要抢先。",
        ("大地与母亲是", "走在前面容易"),
    ),
    (
        "zhouyi-zh",
        "屯卦",
        "屯卦像小草的芽顶破冻土，事事都在草创，十分艰难。刚开张的新公司要是遇上混乱的开局，可以参考它，别贸然走远。",
        ("草芽顶破冻土", "新公司、新团"),
    ),
    (
        "zhouyi-zh",
        "蒙卦",
        "求学要学生自己主动请教，不该由老师追着灌输。为同一个问题一再占问，便是不敬，得不到回答。",
        ("学生应当主动", "同一个问题反"),
    ),
    (
        "zhouyi-zh",
        "离卦",
        "火要附着在柴薪上才能亮，所以离卦既是光明又是依附。饲养温顺的母牛，意思是以柔和来配合光明。",
        ("火总要附着柴", "养一头温顺的"),
    ),
    (
        "zhouyi-zh",
        "井卦",
        "城邑能搬，水井搬不走，一直供人取用，这就是养人的德。用绳子打水，快到井口却打翻瓦瓶，叫作功亏一篑。",
        ("城邑可以搬迁", "绳子将到井口"),
    ),
    (
        "zhouyi-en",
        "Qian (Creative Force)",
        "Qian, made of six unbroken lines, is pure creative drive and never tires, like the sky that "
        "keeps turning. Its danger is going too far: a dragon that has climbed too high will regret it.",
        ("Six unbroken lines", "Overreaching is the"),
    ),
    (
        "zhouyi-en",
        "Kun (Yielding Earth)",
        "Kun receives and carries all creatures and has no favourites. If there is frost under your "
        "feet, ice will soon be solid, so pay attention to small signs.",
        ("With six broken", "Frost underfoot in"),
    ),
    (
        "zhouyi-en",
        "Zhun (Hard Sprouting)",
        "Zhun is like a seedling that must push up through heavy soil. Whoever chases a deer and has no "
        "forester to guide him only gets lost deep among the trees.",
        ("Zhun pictures a", "Chasing a deer"),
    ),
    (
        "zhouyi-en",
        "Meng (Untaught Youth)",
        "Meng speaks of beginners who do not understand yet and of how their teacher decides to answer. "
        "To pester an adviser by repeating one question is disrespectful.",
        ("Meng concerns the", "Pestering an adviser"),
    ),
    (
        "zhouyi-en",
        "Li (Clinging Brightness)",
        "A flame clings to whatever it burns, and so brightness in Li depends on its fuel. Yellow, the "
        "colour of the centre, is the luckiest radiance and brings supreme fortune.",
        ("Li expresses brightness", "Yellow radiance in"),
    ),
    (
        "zhouyi-en",
        "Jing (The Well)",
        "Families move away, but the village well stays where it is. When nobody drinks water that is "
        "clear, it is like a talent that the ruler failed to notice.",
        ("Jing takes as", "Clear water that"),
    ),
]


@pytest.mark.parametrize(("example", "concept", "answer", "beginnings"), PARAPHRASES)
def test_a_paraphrase_draws_on_the_sentences_it_speaks_of(example, concept, answer, beginnings):
    passage = passages(example)[concept]
    drawn = {index for index, sentence in enumerate(passage) if sentence.startswith(beginnings)}
    others = set(undrawn(passage, "")) - drawn
    assert len(drawn) == 2
    reported = set(undrawn(passage, answer))
    assert not reported & drawn
    assert len(others - reported) <= 1  # a sentence that repeats another is drawn on together with it


@pytest.mark.parametrize("example", ["zhouyi-zh", "zhouyi-en"])
def test_of_a_verbatim_answer_the_other_sentences_are_undrawn(example):
    others = missed = 0
    for passage in passages(example).values():
        reportable = set(undrawn(passage, ""))
        for index in range(1, len(passage) - 1):
            chosen = {index, index + 1}
            reported = set(undrawn(passage, " ".join(passage[at] for at in chosen)))
            assert not reported & chosen
            others += len(reportable - chosen)
            missed += len(reportable - chosen - reported)
    assert missed <= 0.006 * others  # sentences that repeat one another


@pytest.mark.parametrize(
    ("passage", "answer", "expected"),
    [
        (["蒙卦", "山下出泉，清水初流。", "君子果行育德。"], "山下出泉，清水初流。", [2]),
        (["蒙卦", "山下出泉，清水初流。", "君子果行育德。"], "君子果行育德。", [1]),
        (["Meng", "A spring rises below.", "Pupils ask sincerely."], "The pupil asks with sincerity.", [1]),
        (["模型用transformer结构。", "训练花了1024小时。"], "The Transformer needed much.", [1]),
        (["训练花了1024小时。", "The loss was 2048."], "损失是2048。", [0]),
    ],
)
def test_what_the_answer_does_not_draw_on(passage, answer, expected):
    assert undrawn(passage, answer) == expected


def test_late_sentences_count_as_much_as_early_ones():
    passage = passages("zhouyi-zh")["乾卦"]
    assert set(undrawn(passage, "".join(passage[:6]))) == set(range(6, len(passage)))
    assert undrawn(passage, "".join(passage[6:]))[0] == 1


def test_what_the_whole_passage_shares_is_not_enough():
    passage = ["蒙卦讲启蒙。", "蒙卦有泉水。", "蒙卦重求学。", "蒙卦忌轻慢。"]
    assert undrawn(passage, "蒙卦有泉水。") == [0, 2, 3]


@pytest.mark.parametrize("heading", ["蒙卦第四", "Meng (Untaught Youth)", "Chapter Four:"])
def test_a_heading_is_never_reported(heading):
    assert undrawn([heading, "山下出泉。"], "") == [1]
    assert undrawn(["山下出泉。", heading], "") == [0, 1]  # only the first sentence is a heading


@pytest.mark.parametrize("closing", ["。", "！」", '."', ".)", "…", "？”"])
def test_a_first_sentence_that_is_closed_is_no_heading(closing):
    assert undrawn([f"山下出泉{closing}"], "") == [0]


@pytest.mark.parametrize("fragment", ["利。", "亨！", "Yes, so be it.", "——", "", "阳、阴、阳。"])
def test_a_fragment_without_content_is_never_reported(fragment):
    assert undrawn(["山下出泉。", fragment], "") == [0]


def test_no_sentences():
    assert undrawn([], "山下出泉。") == []


@given(st.lists(TEXTS, max_size=6), TEXTS)
def test_indexes_are_in_order_and_more_answer_leaves_out_no_more(passage, answer):
    found = undrawn(passage, answer)
    assert found == sorted(set(found) & set(range(len(passage))))
    assert set(undrawn(passage, "\n".join([answer, *passage[:2]]))) <= set(found) - {0, 1}
    assert undrawn(passage, "\n".join(passage)) == []

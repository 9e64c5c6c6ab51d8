from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.verification.headings import Headings, names
from rawtune.verification.weights import Weights


def corpus(language):
    text = files("rawtune").joinpath(f"examples/zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return text.strip().split("\n\n")


CORPORA = {language: corpus(language) for language in ("zh", "en")}
HEADINGS = {language: Weights(passages).headings for language, passages in CORPORA.items()}
MANUAL = [
    "换货政策\n换货政策适用于质量问题，买家应先联系客服。",
    "退货政策\n退货政策适用于七天内的订单。",
    "员工健康体检\n员工健康体检每年一次，费用由公司承担。",
    "注意事项\n使用前请仔细阅读说明书。",
    "Nimbus\nThe server Nimbus stores the files of all offices.",
    "Cirrus\nThe server Cirrus sends mail, and Cirrus keeps a copy of it.",
    "Returns\nSend Returns to our address. We accept returns for a week.",
]


def foreign(headings, text, passage, question=""):
    return [text[slice(*span)] for span in headings.foreign(text, passage, f"{question}\n{passage}".lower())]


def test_a_heading_is_named_with_and_without_its_brackets():
    assert names("# Meng (Young Folly)\nIt is hexagram 4.") == {"meng (young folly", "meng"}
    assert names("七天内可以退货。\n运费自理。") == set()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_passage_holds_the_name_of_another_that_it_does_not_hold(language):
    for passage in CORPORA[language]:
        assert foreign(HEADINGS[language], passage, passage) == []


def test_the_name_of_another_hexagram_is_found():
    for passage, other in zip(CORPORA["zh"], CORPORA["zh"][1:], strict=False):
        name = other.split("\n")[0]
        expected = [] if set(name) <= set(passage) else [name]
        assert foreign(HEADINGS["zh"], f"这里说的是{name}，它讲进退。", passage) == expected
        assert foreign(HEADINGS["zh"], f"这里说的是{name}。", passage, question=f"它与{name}有什么不同？") == []


@pytest.mark.parametrize(
    ("text", "own", "found"),
    [
        ("退货政策适用于质量问题。", 0, ["退货政策"]),
        ("换货政策适用于质量问题。", 0, []),
        ("请先做员工健康体检。", 0, ["员工健康体检"]),
        ("以下是换货的注意事项。", 0, []),
        ("退货政策与此无关。", 3, []),
        ("Cirrus stores the files of all offices.", 4, ["Cirrus"]),
        ("Cirrusses and cirrus clouds are in the sky.", 4, []),
        ("Returns of files are stored there.", 4, []),
    ],
)
def test_only_names_of_a_kind_or_long_or_capitalised_are_found(text, own, found):
    assert foreign(Weights(MANUAL).headings, text, MANUAL[own]) == found


def test_the_longest_name_counts_and_part_of_the_own_heading_never_does():
    passages = ["智能音箱\n智能音箱能放音乐。", "智能音箱Pro\n智能音箱Pro能通话。", "门锁音箱\n门锁音箱会响铃。"]
    headings = Weights(passages).headings
    assert foreign(headings, "智能音箱Pro能放音乐。", passages[2]) == ["智能音箱Pro"]
    assert foreign(headings, "智能音箱能放音乐。", passages[1]) == []


def test_a_longer_name_that_begins_alike_does_not_hide_one_at_the_end():
    passages = ["智能音箱\n智能音箱能放音乐。", "智能音箱增强版\n智能音箱增强版能通话。", "门锁音箱\n门锁音箱会响铃。"]
    headings = Weights(passages).headings
    assert foreign(headings, "这是智能音箱", passages[2]) == ["智能音箱"]
    assert foreign(headings, "A智能音箱很好。", passages[2]) == ["智能音箱"]


def test_what_many_passages_hold_is_no_name():
    passages = [f"{word}卦\n{word}卦与乾卦相对。" for word in "乾坤屯蒙需讼师比"]
    assert foreign(Weights(passages).headings, "这是乾卦。", "临卦\n临卦说的是亲临。") == []
    assert foreign(Weights(passages).headings, "这是屯卦。", "临卦\n临卦说的是亲临。") == ["屯卦"]


def test_without_passages_nothing_is_found():
    assert foreign(Headings(), "这是屯卦。", "临卦\n临卦说的是亲临。") == []


@given(st.text(st.sampled_from("屯卦蒙乾既济未，。 QianMeg"), max_size=60))
def test_spans_stand_in_the_text_and_apart(text):
    for headings in HEADINGS.values():
        end = 0
        for start, stop in headings.foreign(text, CORPORA["zh"][0], ""):
            assert end <= start < stop <= len(text)
            end = stop

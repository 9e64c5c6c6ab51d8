from importlib.resources import files

import pytest

from rawtune.verification.source import Source


def corpus(language):
    text = files("rawtune").joinpath(f"examples/zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return text.strip().split("\n\n")


SOURCES = {language: Source(corpus(language)) for language in ("zh", "en")}


@pytest.mark.parametrize(
    ("language", "template"), [("zh", "请解释一下{}。"), ("zh", "什么是{}？"), ("en", "What does {} stand for?")]
)
def test_the_heading_that_the_question_names_decides(language, template):
    source = SOURCES[language]
    for index, passage in enumerate(source.passages):
        heading = passage.split("\n")[0]
        assert source.find(template.format(heading), "") == index
        assert source.find("?", "", concept=heading) == index


@pytest.mark.parametrize("language", ["zh", "en"])
def test_where_headings_are_alike_the_answer_decides(language):
    source = SOURCES[language]
    for index, passage in enumerate(source.passages):
        short = passage.split("\n")[0].split(" (")[0]
        assert source.find(f"{short}?", passage[-300:]) == index


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_heading_the_answer_decides(language):
    source = SOURCES[language]
    for index, passage in enumerate(source.passages):
        assert source.find("?", passage[-150:]) == index


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("zh", "明朝中后期白银大量流入，赋税逐步折成银两征收，商帮因此兴起。"),
        ("en", "Quarterly revenue grew by licensing software overseas, investors heard on Tuesday."),
        ("en", ""),
    ],
)
def test_nothing_fits(language, answer):
    assert SOURCES[language].find("?", answer) is None


def test_a_first_line_that_is_closed_is_no_heading():
    source = Source(["退货须知。\n七天内可以退货。", "# 换货\n十五天内可以换货。"])
    assert source.find("退货须知。", "") is None
    assert source.find("换货怎么办？", "") == 1
    assert Source([]).find("换货", "十五天") is None

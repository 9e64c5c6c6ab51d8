"""A dataset whose training rows give its test away is not written, and what gives it away is named."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from rawtune import config, project
from rawtune.dataset.entry import Entry, Source
from rawtune.errors import GateFailed
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import Suite
from rawtune.stages import leaks

ZH = "蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向；学生应当主动向老师求教，而不是老师去找学生。"
EN = "Meng is a spring at the foot of a mountain: the pupil seeks the teacher, and asks one sincere question only."
OTHER = "屯卦象征万物初生时的艰难，宜守不宜进，应当先请人相助，立定根基之后再图发展，不可急躁冒进。"


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def entry(number: int, question: str, answer: str, suite: str | None = None) -> Entry:
    split = "held_out" if suite == "concept" else "train"
    place = (f"raw/{split}.txt", "ab" * 32, 10 * number, 10 * number + 9)
    return Entry(f"r{number}", question, answer, None, Source("", split, suite, "written", "t", "p", "r", *place))


def found(training: list[Entry], held_out: list[Entry], compare_answers: bool = True) -> list[leaks.Leak]:
    asked = {suite: [entry for entry in held_out if entry.source.suite == suite] for suite in Suite}
    return [*leaks.found(training, asked.__getitem__, compare_answers)]


def given_away(answer: str, held_out: str) -> list[leaks.Leak]:
    training = [entry(1, "a?", OTHER), entry(2, "b?", answer), entry(3, "c?", answer)]
    asked = [
        entry(4, "d?", held_out, "concept"),
        entry(5, "e?", held_out, "concept"),
        entry(6, "f?", answer, "phrasing"),
    ]
    return found(training, asked)


@pytest.mark.parametrize("text", [ZH, EN, "蒙卦象征启蒙。", "Nine sixteen."])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("，", ", ").replace("。", ".").upper(),
        lambda text: f" {text.rstrip('.。')}\n",
    ],
)
def test_an_answer_that_is_trained_is_a_leak_however_it_is_set(text: str, change) -> None:
    (leak,) = given_away(text, change(text))
    assert (leak.held_out.id, leak.training.id) == ("r4", "r2")


def test_the_answer_of_a_follow_up_is_a_leak_and_its_few_words_are_none() -> None:
    training = [entry(1, "a?", OTHER), entry(2, "然后呢？", ZH)._replace(history=(("b?", OTHER),))]
    asked = [entry(3, "然后呢？", ZH, "follow_up"), entry(4, "然后呢？", EN, "phrasing")]
    (leak,) = found(training, asked)
    assert (leak.held_out.id, leak.training.id) == ("r3", "r2")


@pytest.mark.parametrize(("text", "more"), [(ZH, "学生因此进步很快。"), (EN, " So he learns well.")])
def test_an_answer_of_which_four_fifths_are_trained_is_a_leak(text: str, more: str) -> None:
    assert given_away(text, text + more)
    assert given_away(text + more * 9, text)
    assert not given_away(text, text + more * 9)


@pytest.mark.parametrize("text", ["Yes, it is.", "正确。", "不是。", "抱歉，作为一个语言模型，我无法回答这个问题。"])
def test_what_any_row_may_say_is_no_leak(text: str) -> None:
    assert not given_away(text, text)


def test_different_answers_and_the_phrasing_suite_are_no_leak() -> None:
    assert not given_away(ZH, EN)
    assert not given_away(ZH, "巽卦象征风，重在顺从，凡事宜反复叮咛，而后施行。")


@pytest.mark.parametrize(
    ("trained", "asked", "leak"),
    [
        ("蒙卦代表什么？", "蒙卦 代表什么", True),
        ("What is Meng?", "what is  meng", True),
        ("What is Meng?", "What was Meng?", False),
        ("蒙卦代表什么？", "坤卦代表什么？", False),
    ],
)
def test_a_question_that_is_trained_is_a_leak(trained: str, asked: str, leak: bool) -> None:
    training = [entry(1, "a?", OTHER), entry(2, trained, ZH), entry(3, trained, ZH)]
    held = [entry(4, asked, ZH, "phrasing"), entry(5, trained, OTHER, "concept")]
    leaks = found(training, held, compare_answers=False)
    assert [(leak.held_out.id, leak.training.id) for leak in leaks] == ([("r4", "r2")] if leak else [])


def make(folder: Path, texts: list[str], **settings: object) -> Path:
    source = folder / "book.txt"
    source.write_text("\n\n".join(texts), encoding="utf-8")
    given = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.5}, **settings}
    return project.create(folder / "book", source=source, settings=given)


def crossing(count: int) -> list[str]:
    """Passages in pairs that are no near-duplicates, of which the scripted teacher makes one answer."""
    corpus = files("rawtune").joinpath("examples/zhouyi-zh/raw/hexagrams.txt").read_text(encoding="utf-8")
    hexagrams = corpus.strip().split("\n\n")
    found = hexagrams[:count]
    for one, other in zip(found[:], hexagrams[32:], strict=False):
        name, opening, *_ = one.split("\n")
        found.append("\n".join([f"又{name}", opening, *other.split("\n")[2:]]))
    return found


def test_the_export_fails_and_names_the_pairs(tmp_path: Path) -> None:
    book = make(tmp_path, crossing(32), verification={"select": ["RT1", "RT5"], "severity": {"RT502": "warning"}})
    with Project(book) as opened, pytest.raises(GateFailed) as caught:
        opened.export()
    message = caught.value.message
    found = int(message.split()[0])
    assert found > 10
    assert f"and {found - 10} more" in message
    raw = (book / "raw/book.txt").read_text(encoding="utf-8")
    places = re.findall(r"  (held out|trained): (.+) \(row ([0-9a-f]{16}), raw/book\.txt:(\d+)-(\d+)\)", message)
    assert [side for side, *_ in places] == ["held out", "trained"] * 10
    for held, trained in zip(places[::2], places[1::2], strict=True):
        texts = [raw[int(start) : int(end)] for _, _, _, start, end in (held, trained)]
        assert texts[0] != texts[1]
        assert texts[0].split("\n")[1] == texts[1].split("\n")[1]
    assert "leave one of them out of raw/" in caught.value.hint
    assert not [*(book / "datasets").glob("*")]


def test_who_ignores_the_rule_is_told_so(tmp_path: Path) -> None:
    book = make(tmp_path, crossing(12), verification={"select": ["RT1", "RT501"]})
    heard = Heard()
    with Project(book, heard) as opened:
        assert opened.export().exists()
    assert any(line.startswith("RT502 is ignored") for line in heard.lines)


def test_a_held_out_template_like_a_trained_one_stops_the_export(tmp_path: Path) -> None:
    settings = {"augmentation": {"templates": "templates.yaml"}, "passages": {"held_out": 0}}
    book = make(tmp_path, ["蒙卦\n蒙卦讲的是山下的泉水。", "乾卦\n乾卦讲的是天。"], **settings)
    templates = (
        "train: ['{concept}是什么？', '什么是{concept}？']\nheld_out: ['{concept}，是什么', '请解释{concept}。']\n"
    )
    (book / "templates.yaml").write_text(templates, encoding="utf-8")
    assert config.load(book).language == "zh"
    with Project(book) as opened, pytest.raises(GateFailed, match=r"蒙卦，是什么.*\n.*蒙卦是什么") as caught:
        opened.export()
    assert caught.value.message.startswith("2 held-out questions")

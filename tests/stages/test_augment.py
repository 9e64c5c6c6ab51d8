"""Rows to questions: which templates, how many, what is left out, and what a teacher writes besides."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rawtune import config, project
from rawtune.errors import ConfigError, GateFailed, UsageError
from rawtune.llm import open_teacher
from rawtune.llm.scripted import Scripted
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import Request

TEXT = "\n\n".join(
    [
        "蒙卦\n蒙卦讲的是山下的泉水。蒙卦重视教育童蒙。",
        "乾卦\n乾卦讲的是天。乾卦劝人自强不息。",
        "坤卦\n坤卦讲的是地。坤卦劝人厚德载物。",
        "屯卦\n屯卦讲的是草木初生。屯卦劝人先立秩序。",
    ]
)
ENGLISH = "\n\n".join(f"Part {n}\nPart {n} is made of steel number {n}. Part {n} lasts {n} years." for n in range(4))
TEMPLATES = "train: ['{concept}是什么？', '{concept}与教育有何渊源？']\nheld_out: ['请解释{concept}。']\n"
WRITTEN = ["求教，{concept}是咋回事？", "麻烦问下{concept}", "谁懂{concept}啊？"]


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def make(folder: Path, text: str = TEXT, **settings: Any) -> Path:
    source = folder / "book.txt"
    source.write_text(text, encoding="utf-8")
    defaults = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0}}
    return project.create(folder / "book", source=source, settings={**defaults, **settings})


def augment(made: Path, heard: Heard | None = None) -> dict[str, Any]:
    with Project(made, heard or Heard()) as opened:
        figures: dict[str, Any] = opened.augment()
        return figures


def own_templates(folder: Path, **settings: Any) -> Path:
    made = make(folder, augmentation={"templates": "templates.yaml"}, **settings)
    (made / "templates.yaml").write_text(TEMPLATES, encoding="utf-8")
    assert config.load(made).language == "zh"
    return made


def change(made: Path, before: str, after: str) -> None:
    path = made / "rawtune.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def training_rows(made: Path) -> Counter[tuple[str, str]]:
    """Concept and template of each training row."""
    with Project(made) as opened:
        rows = list(opened._work.ledger.dataset_rows())
    return Counter((row.question.replace(row.template.replace("{concept}", ""), ""), row.template) for row in rows)


def test_only_the_concept_that_speaks_of_it_is_asked_about_it(tmp_path: Path) -> None:
    heard = Heard()
    figures = augment(own_templates(tmp_path), heard)
    assert (figures["train_rows"], figures["questions_left_out"], figures["phrasing_rows"]) == (5, 3, 4)
    assert any("RT601" in line and "教育" in line and "蒙卦" in line for line in heard.lines)
    assert any("3 questions are left out" in line for line in heard.lines)
    assert any("only 2 templates" in line for line in heard.lines)


def test_without_the_rule_every_template_is_used(tmp_path: Path) -> None:
    heard = Heard()
    figures = augment(own_templates(tmp_path, verification={"ignore": ["RT601"]}), heard)
    assert (figures["train_rows"], figures["questions_left_out"]) == (8, 0)
    assert not any("RT601" in line for line in heard.lines)


@pytest.mark.parametrize("text", [TEXT, ENGLISH], ids=["zh", "en"])
def test_twenty_questions_a_row_by_default_and_five_that_are_only_asked(tmp_path: Path, text: str) -> None:
    heard = Heard()
    figures = augment(make(tmp_path, text), heard)
    assert (figures["train_rows"], figures["phrasing_rows"], figures["distinct_answers"]) == (80, 20, 4)
    assert (figures["questions_left_out"], figures["questions_capped"]) == (0, 0)
    table = figures["diversity"]
    assert [entry["variants"] for entry in table] == list(range(1, 21))
    assert table[-1]["templates"] > 20  # concepts take different ones
    assert (table[0]["coverage"], table[-1]["coverage"]) == (pytest.approx(1 / 7, abs=0.01), 1.0)
    assert any(line.startswith("80 questions to train on, from 49 templates of 7 families") for line in heard.lines)


def test_fewer_variants_are_a_part_of_more(tmp_path: Path) -> None:
    made = make(tmp_path)
    augment(made)
    more = training_rows(made)
    change(made, "variants: 20", "variants: 3")
    assert augment(made)["train_rows"] == 12
    fewer = training_rows(made)
    assert fewer.total() == 12
    assert not fewer - more


def test_a_concept_of_several_passages_asks_no_question_twice_and_may_be_capped(tmp_path: Path) -> None:
    text = "\n\n".join([f"退货\n退货的第{n}步是填写第{n}张表。第{n}张表有{n}页。" for n in range(2, 4)] + [TEXT])
    made = make(tmp_path, text)
    assert augment(made)["train_rows"] == 120
    assert max(training_rows(made).values()) == 1
    change(made, "per_concept: null", "per_concept: 24")
    heard = Heard()
    figures = augment(made, heard)
    assert (figures["train_rows"], figures["questions_capped"]) == (4 * 20 + 24, 16)
    assert any("augmentation.per_concept (24) left out 16 questions" in line for line in heard.lines)


class Author:
    """A teacher that writes rows by its script, and says of templates what it is told; it keeps those requests."""

    def __init__(self, *replies: list[Any], key: str = "templates") -> None:
        self.key = key
        self.replies = list(replies)
        self.asked: list[Request] = []

    def teacher(self, columns: tuple[str, str]) -> Scripted:
        rows = Scripted(columns)

        def script(request: Request) -> str:
            if "{concept}" not in "".join(message.content for message in request.messages):
                return rows._row(request)
            self.asked.append(request)
            return json.dumps({self.key: self.replies.pop(0)}, ensure_ascii=False)

        return Scripted(columns, script)


def writing(folder: Path, monkeypatch: pytest.MonkeyPatch, author: Author) -> Path:
    made = make(folder, augmentation={"written": 3, "faq": "questions.txt", "variants": 8})
    (made / "questions.txt").write_text("滤芯怎么换？\n灯闪两下啥意思\n", encoding="utf-8")
    employ(monkeypatch, author)
    return made


def employ(monkeypatch: pytest.MonkeyPatch, author: Author) -> None:
    monkeypatch.setattr("rawtune.stages.session.open_teacher", lambda settings, columns: author.teacher(columns))


def test_a_teacher_writes_templates_after_real_questions_and_is_paid_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, heard = Author([WRITTEN[0], "坏的", WRITTEN[1]], [WRITTEN[2]]), Heard()
    made = writing(tmp_path, monkeypatch, author)
    figures = augment(made, heard)
    assert (figures["templates_written"], figures["templates_refused"], figures["train_rows"]) == (3, 1, 32)
    assert all(question in author.asked[0].messages[1].content for question in ("滤芯怎么换？", "灯闪两下啥意思"))
    assert any("wrote 3 of 3 templates; refused: 1" in line for line in heard.lines)
    assert any("坏的" in line and "refused" in line for line in heard.lines)
    templates = Counter(template for _, template in training_rows(made).elements())
    assert sum(templates[line] for line in WRITTEN) == 4  # eight families, so one of each row's eight
    change(made, "variants: 8", "variants: 9")
    assert augment(made)["train_rows"] == 36
    assert len(author.asked) == 2


def test_other_questions_are_asked_about_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author(WRITTEN, WRITTEN[::-1])
    made = writing(tmp_path, monkeypatch, author)
    augment(made)
    with Project(made) as opened:
        assert opened.run("augment") == []
    (made / "questions.txt").write_text("发票丢了怎么办\n", encoding="utf-8")
    augment(made)
    assert len(author.asked) == 2


def test_too_few_templates_are_told_and_none_at_all_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, heard = Author(["坏的"], WRITTEN[:1], ["坏"], ["坏"]), Heard()
    made = writing(tmp_path, monkeypatch, author)
    figures = augment(made, heard)
    assert (figures["templates_written"], figures["templates_refused"]) == (1, 3)
    assert any("wrote 1 of 3 templates" in line for line in heard.lines)
    (made / "questions.txt").write_text("发票丢了怎么办\n", encoding="utf-8")
    with pytest.raises(GateFailed, match="no template that can be used"):
        augment(made)


def test_without_questions_the_packaged_templates_are_the_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = Author(WRITTEN)
    made = writing(tmp_path, monkeypatch, author)
    change(made, "faq: questions.txt", "faq: null")
    assert augment(made)["templates_written"] == 3
    assert "{concept}是什么意思？" in author.asked[0].messages[1].content


def test_a_teacher_that_only_picks_cannot_write_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = writing(tmp_path, monkeypatch, Author())

    def picking(settings: config.Teacher, columns: tuple[str, str]) -> Any:
        teacher = open_teacher(settings, columns)
        teacher.writes_freely = False
        return teacher

    monkeypatch.setattr("rawtune.stages.session.open_teacher", picking)
    with pytest.raises(UsageError, match="can only pick"):
        augment(made)


def test_questions_that_are_not_there_are_a_fault_before_the_teacher_is_paid(tmp_path: Path) -> None:
    made = make(tmp_path, augmentation={"written": 3, "faq": "nowhere.txt"})
    with Project(made) as opened:
        with pytest.raises(ConfigError, match=r"nowhere\.txt"):
            opened.synthesise()
        assert opened._work.ledger.spent()[0] == 0


def test_questions_without_a_number_of_templates_to_write_are_refused(tmp_path: Path) -> None:
    made = make(tmp_path, augmentation={"faq": "questions.txt"})
    with pytest.raises(ConfigError, match="faq needs written"):
        config.load(made)


def asking(folder: Path, monkeypatch: pytest.MonkeyPatch, author: Author) -> Path:
    made = own_templates(folder, verification={"ignore": ["RT601"]})
    change(made, "ask_answerable: false", "ask_answerable: true")
    employ(monkeypatch, author)
    return made


def test_a_template_that_does_not_suit_by_the_teachers_verdict_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = {"template": 1, "concept": "乾卦", "reason": "没有说到教育"}
    author, heard = Author([verdict], key="unfit"), Heard()
    made = asking(tmp_path, monkeypatch, author)
    figures = augment(made, heard)
    assert (figures["train_rows"], figures["phrasing_rows"], figures["questions_left_out"]) == (4, 4, 4)
    assert any("{concept}与教育有何渊源？ (乾卦: 没有说到教育)" in line for line in heard.lines)
    assert any("1 of 2 templates do not suit" in line for line in heard.lines)
    assert "厚德载物" in author.asked[0].messages[1].content
    change(made, "variants: 20", "variants: 1")
    assert augment(made)["train_rows"] == 4
    assert len(author.asked) == 1


def test_packaged_templates_are_not_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author(key="unfit")
    made = make(tmp_path, augmentation={"ask_answerable": True})
    employ(monkeypatch, author)
    assert augment(made)["train_rows"] == 80
    assert not author.asked


def test_a_verdict_that_cannot_be_read_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author([7], [7], key="unfit")
    with pytest.raises(GateFailed, match="names no template"):
        augment(asking(tmp_path, monkeypatch, author))

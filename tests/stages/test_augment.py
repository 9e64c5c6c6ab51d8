"""Templates that were made for one concept are kept from the others, and that is said."""

from pathlib import Path

from rawtune import config, project
from rawtune.progress import Silent
from rawtune.project import Project

TEXT = "\n\n".join(
    [
        "蒙卦\n蒙卦讲的是山下的泉水。蒙卦重视教育童蒙。",
        "乾卦\n乾卦讲的是天。乾卦劝人自强不息。",
        "坤卦\n坤卦讲的是地。坤卦劝人厚德载物。",
        "屯卦\n屯卦讲的是草木初生。屯卦劝人先立秩序。",
    ]
)
TEMPLATES = "train: ['{concept}是什么？', '{concept}与教育有何渊源？']\nheld_out: ['请解释{concept}。']\n"


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def augment(folder: Path, heard: Heard, **verification: object) -> dict:
    source = folder / "book.txt"
    source.write_text(TEXT, encoding="utf-8")
    settings = {
        "teacher": {"model": "scripted:"},
        "passages": {"held_out": 0},
        "augmentation": {"templates": "templates.yaml"},
        "verification": verification,
    }
    made = project.create(folder / "book", source=source, settings=settings)
    (made / "templates.yaml").write_text(TEMPLATES, encoding="utf-8")
    assert config.load(made).language == "zh"
    with Project(made, heard) as opened:
        figures: dict = opened.augment()
        return figures


def test_only_the_concept_that_speaks_of_it_is_asked_about_it(tmp_path: Path) -> None:
    heard = Heard()
    figures = augment(tmp_path, heard)
    assert (figures["train_rows"], figures["questions_left_out"], figures["phrasing_rows"]) == (5, 3, 4)
    assert any("RT601" in line and "教育" in line and "蒙卦" in line for line in heard.lines)


def test_without_the_rule_every_template_is_used(tmp_path: Path) -> None:
    heard = Heard()
    figures = augment(tmp_path, heard, ignore=["RT601"])
    assert (figures["train_rows"], figures["questions_left_out"]) == (8, 0)
    assert not any("RT601" in line for line in heard.lines)

"""How the questions of an answer are drawn, from the settings to the record of the stage."""

import json
from pathlib import Path

from ruamel.yaml import YAML
from tests.tiny_model import make_tiny_model

from rawtune import config, project
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.training.runs import RECORD


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_the_settings_say_how_questions_are_drawn_and_the_record_repeats_it(tmp_path: Path) -> None:
    student = make_tiny_model(tmp_path / "tiny")
    settings = {
        "teacher": {"model": "scripted:"},
        "student": str(student),
        "passages": {"held_out": 0.25},
        "augmentation": {"draw": "per_epoch"},
        "training": {"epochs": 2, "batch_size": 2, "max_output_tokens": 400, "max_input_tokens": 400},
    }
    book = project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings=settings)
    heard = Heard()
    with Project(book, heard) as opened:
        adapter = opened.train()
        summary = opened.status()[5].record.summary
    assert (summary["draw"], summary["rows"], summary["rows_per_epoch"], summary["steps"]) == ("per_epoch", 60, 3, 4)
    assert json.loads((adapter / RECORD).read_text())["draw"] == "per_epoch"
    assert any("each epoch trains 3 of 60 rows" in line and "2 of the 20 questions" in line for line in heard.lines)
    yaml, path = YAML(), book / config.FILE_NAME
    tree = yaml.load(path)
    tree["augmentation"]["draw"] = "written_out"
    yaml.dump(tree, path)
    with Project(book) as opened:
        states = {state.name: state for state in opened.status()}
    assert states["train"].reasons == ("augmentation.draw changed",)
    assert states["export"].current, "the dataset is the same"

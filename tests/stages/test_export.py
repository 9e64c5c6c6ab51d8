"""Datasets of a whole project, with a scripted teacher: what is written, and when."""

import csv
import hashlib
import json
from pathlib import Path
from typing import ClassVar

import pytest
from ruamel.yaml import YAML

from rawtune import config, project
from rawtune.dataset.readers import open_rows
from rawtune.errors import UsageError
from rawtune.progress import Silent
from rawtune.project import Project


@pytest.fixture
def book(tmp_path: Path) -> Path:
    settings = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.25}}
    return project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings=settings)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_row_leads_back_to_its_characters(book: Path) -> None:
    with Project(book) as opened:
        dataset = opened.export()
        passages = {passage.id: passage for passage, _ in opened.outcomes()}
    with dataset.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with dataset.with_suffix(".held_out.csv").open(encoding="utf-8-sig", newline="") as file:
        asked = list(csv.DictReader(file))
    told = lines(dataset.with_suffix(".provenance.jsonl"))
    assert len(told) == len(rows) + len(asked)
    assert len({line["id"] for line in told}) == len(told)
    raw = {path: (book / path).read_bytes() for path in {line["source"] for line in told}}
    for line in told:
        row = (asked if line["suite"] else rows)[line["row"] - 1]
        assert row["content"] == line["template"].replace("{concept}", line["concept"])
        assert row.get("suite") == line["suite"]
        assert hashlib.sha256(raw[line["source"]]).hexdigest() == line["source_sha256"]
        text = raw[line["source"]].decode()[line["start"] : line["end"]]
        assert text in {passage.text for passage in passages.values()}
        assert line["concept"] in text
    assert {line["split"] for line in told if line["suite"] == "concept"} == {"held_out"}
    assert {line["teacher"] for line in told} == {"scripted:"}


def test_other_formats_are_another_dataset_with_the_same_rows_and_ids(book: Path) -> None:
    with Project(book) as opened:
        first = opened.export()
        before = {path.name: path.read_bytes() for path in first.parent.iterdir() if path.name != "dataset_info.json"}
        second = opened.export(["alpaca", "hf"])
        assert second != first
        assert opened.export(["hf"]) == second, "it is there already"
        assert opened.export() == second
        assert all(state.current for state in opened.status()[:5])
    assert {name: (first.parent / name).read_bytes() for name in before} == before
    assert second.read_bytes() == first.read_bytes()
    assert second.with_suffix(".provenance.jsonl").read_bytes() == first.with_suffix(".provenance.jsonl").read_bytes()
    wanted = [(record.turns[0].question, record.turns[0].answer) for record in open_rows(first)]
    for ending in (".alpaca.json", ".hf/data/train-00000-of-00001.parquet"):
        rows = open_rows(second.parent / (second.stem + ending))
        assert [(record.turns[0].question, record.turns[0].answer) for record in rows] == wanted


def test_formats_of_the_settings_are_always_written(book: Path) -> None:
    with Project(book) as opened:
        opened.export()
    path, yaml = book / config.FILE_NAME, YAML()
    tree = yaml.load(path)
    tree["dataset"]["formats"] = ["messages"]
    yaml.dump(tree, path)
    with Project(book) as opened:
        assert "settings under 'dataset' changed" in opened.status()[4].reasons
        dataset = opened.export(["tsv"])
    manifest = json.loads(dataset.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert manifest["formats"] == ["csv", "tsv", "messages"]
    assert f"{dataset.stem}.messages.jsonl" in manifest["files"]


def test_a_format_that_is_not_known_is_named_before_anything_is_done(book: Path) -> None:
    with Project(book) as opened:
        with pytest.raises(UsageError, match="'excel'"):
            opened.export(["excel"])
        assert not opened.status()[0].record


def test_few_answers_and_empty_suites_are_told_everywhere(book: Path) -> None:
    class Heard(Silent):
        lines: ClassVar[list[str]] = []

        def say(self, line: str) -> None:
            self.lines.append(line)

    with Project(book, Heard()) as opened:
        dataset = opened.export()
        told = opened.status()[4].record.summary["warnings"]
    assert set(told) == {"few_answers", "phrasing_suite", "concept_suite"}
    assert set(told.values()) <= set(Heard.lines)
    assert told["few_answers"].startswith("60 rows, 3 answers: ")
    manifest = json.loads(dataset.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert manifest["warnings"]["en"] == told
    assert manifest["warnings"]["zh"]["few_answers"].startswith("60 行数据，只有 3 个不同的答案")
    card = dataset.with_suffix(".card.md").read_text(encoding="utf-8")
    for lines in manifest["warnings"].values():
        assert all(line[1:] in card for line in lines.values())

"""Rows that no passage supports, made to raw text, in projects with a scripted teacher."""

import json
from collections import Counter
from pathlib import Path

import pytest

from rawtune import project
from rawtune.errors import RawTextError
from rawtune.project import Project

SETTINGS = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.0}}
FAQ = [
    (
        "How long does the battery run?",
        "The battery of the X200 holds for 12 hours,\n\nand is charged within an hour.",
    ),
    ("And what if water gets in?", "Damage by water is not covered by the warranty of three years."),
    ("怎样更换滤芯？", "先关闭电源，再逆时针旋开底盖，取出旧滤芯，装入新滤芯后拧紧。"),
]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return project.create(tmp_path / "shop", settings=SETTINGS)


def rows(path: Path, pairs: list[tuple[str, str]]) -> Path:
    lines = [json.dumps({"question": question, "answer": answer}, ensure_ascii=False) for question, answer in pairs]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def fates(imported) -> Counter:
    return Counter(row.fate.value for row in imported.rows)


def raw(folder: Path) -> str:
    return (folder / "raw" / "imported-faq.txt").read_text(encoding="utf-8")


def test_a_file_of_rows_is_text_enough_for_a_project(empty: Path, tmp_path: Path) -> None:
    faq = rows(tmp_path / "faq.jsonl", FAQ)
    with Project(empty) as opened:
        with pytest.raises(RawTextError, match="no raw text"):
            opened.import_rows(faq)
        assert fates(opened.import_rows(faq, add_raw=True)) == {"taken": 3}
        assert opened.read()["passages"] == 3
        opened.augment()
        trained = {row.question: row.answer for row in opened._work.ledger.dataset_rows()}
    assert {question: trained.get(question) for question, _ in FAQ} == dict(FAQ)
    assert raw(empty).startswith("How long does the battery run?\nThe battery of the X200 holds for 12 hours,\nand is")


def test_again_adds_nothing_and_more_rows_come_behind(empty: Path, tmp_path: Path) -> None:
    with Project(empty) as opened:
        opened.import_rows(rows(tmp_path / "faq.jsonl", FAQ[:2]), add_raw=True)
        before = raw(empty)
        opened.import_rows(tmp_path / "faq.jsonl", add_raw=True)
        assert raw(empty) == before
        opened.import_rows(rows(tmp_path / "faq.jsonl", FAQ), add_raw=True)
        assert raw(empty) == f"{before}\n{FAQ[2][0]}\n{FAQ[2][1]}\n"


def test_one_answer_is_one_passage_however_often_it_is_asked_for(empty: Path, tmp_path: Path) -> None:
    asked = [(question, FAQ[1][1]) for question in ("What about water?", "Is water damage covered?", "Water?")]
    with Project(empty) as opened:
        opened.import_rows(rows(tmp_path / "faq.jsonl", asked), add_raw=True)
        assert opened.read()["passages"] == 1
    assert raw(empty) == f"{asked[0][0]}\n{asked[0][1]}\n"


def test_only_what_no_passage_supports_becomes_text(tmp_path: Path) -> None:
    text = tmp_path / "guide.txt"
    text.write_text("Warranty\nDamage by water is not covered by the warranty, which lasts three years.", "utf-8")
    folder = project.create(tmp_path / "guide", source=text, settings=SETTINGS)
    with Project(folder) as opened:
        assert fates(opened.import_rows(rows(tmp_path / "faq.jsonl", FAQ))) == {"taken": 1, "no passage": 2}
        assert fates(opened.import_rows(tmp_path / "faq.jsonl", add_raw=True)) == {"taken": 2, "already here": 1}
    assert "water" not in raw(folder)


def test_rows_at_fault_do_not_become_text(empty: Path, tmp_path: Path) -> None:
    faulty = [
        ("What is it?", '{"answer": "It is a pump."}'),
        ("And this?", "I'm sorry, but as an AI language model"),
        ("Which?", "A nul \x00 stands in it."),
        ("", "No question at all."),
        *FAQ,
    ]
    told: list[str] = []
    with Project(empty) as opened:
        opened._work.progress.say = told.append
        ended = fates(opened.import_rows(rows(tmp_path / "faq.jsonl", faulty), add_raw=True))
    assert ended["taken"] == 3
    assert ended["empty"] == 1
    assert raw(empty).count("\n\n") == 2
    assert any("3 answers did not become raw text" in line for line in told)


def test_a_file_that_cannot_be_read_changes_nothing(empty: Path, tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text("no rows at all", encoding="utf-8")
    with Project(empty) as opened, pytest.raises(RawTextError):
        opened.import_rows(path, add_raw=True)
    assert not list((empty / "raw").iterdir())

"""Rows of files into a project, with a scripted teacher: exports of its own, corrected ones, and those of others."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from rawtune import project
from rawtune.dataset.formats import FORMATS
from rawtune.dataset.readers import open_rows
from rawtune.errors import GateFailed, RawTextError
from rawtune.project import Project
from rawtune.records import Origin, Split, State

SETTINGS = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.25}}
GUIDE = """Warranty
The warranty lasts 3 years and starts on the day of purchase. Damage by water is not covered.

Battery
The battery of the X200 holds for 12 hours and is charged within 90 minutes with the charger supplied.

保修
保修期为三年，自购买之日起计算。进水造成的损坏不在保修范围内。"""
HOURS = "The battery of the X200 holds for 12 hours."


def fresh(folder: Path) -> Path:
    return project.create(folder, "zhouyi-zh", limit=4, settings=SETTINGS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose dataset is there in all formats; not to be changed."""
    folder = fresh(tmp_path_factory.mktemp("module") / "book")
    with Project(folder) as opened:
        opened.export(list(FORMATS))
    return folder


@pytest.fixture
def book(tmp_path: Path, exported: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "book"))


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    text = tmp_path / "guide.txt"
    text.write_text(GUIDE, encoding="utf-8")
    return project.create(tmp_path / "guide", source=text, settings={**SETTINGS, "passages": {"held_out": 0}})


def dataset(folder: Path, name: str = "csv") -> Path:
    (manifest,) = (folder / "datasets").glob("*.manifest.json")
    stem = manifest.name.removesuffix(".manifest.json")
    return folder / "datasets" / FORMATS[name].file.format(stem=stem).partition("/")[0]


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def fates(imported) -> Counter:
    made = imported.new + imported.changed + imported.own
    assert sum(imported.summary.values()) == 2 * len(imported.rows) + made
    assert [row.row for row in imported.rows] == list(range(1, len(imported.rows) + 1))
    return Counter(row.fate.value for row in imported.rows)


def rows_of(opened: Project) -> dict[str, tuple[str, str]]:
    return {passage.id: (end.example.concept, end.example.answer) for passage, end in opened.outcomes() if end.example}


def own(opened: Project) -> dict[str, str]:
    """By question, the answers that are trained with questions of users' own."""
    opened.augment()
    return {row.question: row.answer for row in opened._work.ledger.dataset_rows() if row.template == "feedback"}


def ids(folder: Path) -> dict[str, str]:
    lines = dataset(folder).with_suffix(".provenance.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["id"]: line["template"] for line in map(json.loads, lines) if line["suite"] is None}


@pytest.mark.parametrize("name", FORMATS)
def test_an_own_export_is_already_here(exported: Path, name: str) -> None:
    with Project(exported) as opened:
        before = [(state.name, state.record.finished) for state in opened.status() if state.record]
        imported = opened.import_rows(dataset(exported, name))
        assert set(fates(imported)) == {"already here"}
        assert len(imported.rows) >= 60
        assert [(state.name, state.record.finished) for state in opened.status() if state.record] == before
        assert all(state.current for state in opened.status()[:5])


@pytest.mark.parametrize("name", FORMATS)
def test_one_corrected_answer_changes_exactly_its_row(tmp_path: Path, book: Path, name: str) -> None:
    source, target = dataset(book, name), tmp_path / f"corrected{''.join(dataset(book, name).suffixes[-1:])}"
    rows = open_rows(source)
    concept = ""
    with rows.writer(target) as writer:
        for record in rows:
            turn = record.turns[0]
            if record.number == 3:
                concept = turn.question
                record = rows.replace_texts(record, 0, turn.question, turn.answer + "这是订正。")
            writer.write(record)
    with Project(book) as opened:
        before = rows_of(opened)
        imported = opened.import_rows(target)
        assert fates(imported) == {"taken": 1, "already here": len(imported.rows) - 1}
        assert (imported.rows[2].fate.value, imported.changed, imported.new) == ("taken", 1, 0)
        after = rows_of(opened)
        (changed,) = [id for id in before if before[id] != after[id]]
        assert after[changed] == (before[changed][0], before[changed][1] + "这是订正。")
        assert after[changed][0] in concept
        assert {end.example.origin for passage, end in opened.outcomes() if passage.id == changed} == {Origin.EDITED}
        again = opened.import_rows(target)
        assert set(fates(again)) == {"already here", "superseded"}, "its other questions have the answer of before"
        assert rows_of(opened) == after
        assert "这是订正。" in opened.export().read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", FORMATS)
def test_rows_arrive_in_a_fresh_project_with_the_same_ids(tmp_path: Path, exported: Path, name: str) -> None:
    other = fresh(tmp_path / "other")
    with Project(other) as opened:
        imported = opened.import_rows(dataset(exported, name))
        assert set(fates(imported)) == {"taken"}
        assert opened.unasked() == (0 if name == "hf" else 1), "only the folder holds the held-out passage's row, too"
        opened.export()
    assert ids(other) == ids(exported)


def test_without_provenance_templates_and_text_lead_to_the_same_rows(tmp_path: Path, exported: Path) -> None:
    lone = Path(shutil.copy(dataset(exported), tmp_path / "rows.csv"))
    other = fresh(tmp_path / "other")
    with Project(other) as opened:
        assert set(fates(opened.import_rows(lone))) == {"taken"}
        opened.export()
    assert ids(other) == ids(exported)


def test_in_a_fresh_project_a_corrected_answer_wins_over_those_exported(tmp_path: Path, exported: Path) -> None:
    shutil.copytree(exported / "datasets", tmp_path / "d")
    path = tmp_path / "d" / dataset(exported).name
    rows = table(path)
    rows[4][1] += "这是订正。"
    other = fresh(tmp_path / "other")
    with Project(other) as opened:
        imported = opened.import_rows(write(path, rows))
        same = sum(row[1] == rows[3][1] for row in rows)
        assert fates(imported)["superseded"] == same
        assert imported.rows[3].fate.value == "taken"
        assert sum(answer.endswith("这是订正。") for _, answer in rows_of(opened).values()) == 1


@pytest.mark.parametrize(("example", "more"), [("zhouyi-en", " This was corrected."), ("zhouyi-zh", "这是订正。")])
def test_an_untouched_export_never_takes_a_correction_back(tmp_path: Path, example: str, more: str) -> None:
    folder = project.create(tmp_path / "book", example, limit=4, settings=SETTINGS)
    with Project(folder) as opened:
        opened.export()
        untouched = dataset(folder)
        rows = table(untouched)
        asked = sum(row[1] == rows[1][1] for row in rows)
        rows[1][1] += more
        assert fates(opened.import_rows(write(tmp_path / "corrected.csv", rows)))["taken"] == 1
        after = rows_of(opened)
        for path in (untouched, Path(shutil.copy(untouched, tmp_path / "renamed.csv"))):
            assert fates(opened.import_rows(path)) == {"superseded": asked, "already here": len(rows) - 1 - asked}
            assert rows_of(opened) == after


def test_rows_may_be_missing_and_stand_in_another_order(book: Path) -> None:
    rows = table(dataset(book))
    rows[9][1] += "这是订正。"
    with Project(book) as opened:
        imported = opened.import_rows(write(book / "some.csv", [rows[0], *rows[12:4:-1]]))
        assert fates(imported) == {"taken": 1, "already here": 7}
        assert imported.rows[3].fate.value == "taken"


def test_answers_that_differ_are_reported_and_none_is_taken(book: Path) -> None:
    rows = table(dataset(book))
    rows[1][1], rows[2][1] = "这是第一种说法。", "这是第二种说法。"
    with Project(book) as opened:
        before = rows_of(opened)
        imported = opened.import_rows(write(book / "two.csv", rows))
        assert fates(imported) == {"conflicting": 2, "already here": len(rows) - 3}
        assert rows_of(opened) == before
        assert all(state.current for state in opened.status()[:5])


def test_rows_keep_the_rules_of_a_teachers(book: Path) -> None:
    rows = table(dataset(book))
    rows[1][1] = '他说"等等，然后走了。'
    with Project(book) as opened:
        before = rows_of(opened)
        imported = opened.import_rows(write(book / "bad.csv", rows))
        assert (imported.rows[0].fate.value, imported.refused) == ("faulty", [imported.rows[0]])
        assert "odd number of quotes" in imported.rows[0].reason
        assert rows_of(opened) == before


def test_what_is_taken_is_verified_against_its_passage(guide: Path) -> None:
    path = jsonl(guide / "r.jsonl", {"question": "What is Warranty?", "answer": "The warranty lasts 57 years."})
    with Project(guide) as opened:
        assert fates(opened.import_rows(path)) == {"taken": 1}
        with pytest.raises(GateFailed):
            opened.verify()
        (found,) = [end for _, end in opened.outcomes(State.QUARANTINED)]
        assert "RT201" in {finding.code for finding in found.findings}


def test_a_row_of_a_held_out_passage_is_never_trained_on(tmp_path: Path, exported: Path) -> None:
    other = fresh(tmp_path / "other")
    with Project(other) as opened:
        opened.import_rows(dataset(exported, "hf"))
        held = [end.example for passage, end in opened.outcomes() if passage.split is Split.HELD_OUT]
        assert [example.split for example in held] == [Split.HELD_OUT]
        assert held[0].answer not in opened.export().read_text(encoding="utf-8-sig")


def test_exports_of_easy_dataset(guide: Path) -> None:
    asked, term, zh = "What is the warranty period of the X200?", "Battery", "什么是保修？"
    years, thought = "The warranty lasts 3 years.", f"<think>12</think>\n{HOURS}"
    alpaca = guide / "alpaca.json"
    shapes = [{"instruction": "", "input": asked, "output": years, "system": ""}]
    shapes += [{"instruction": "Answer.", "input": term, "output": thought, "system": ""}]
    alpaca.write_text(json.dumps(shapes, indent=2), encoding="utf-8")
    messages = [{"content": "", "role": "system", "thinking": None}, {"content": zh, "role": "user", "thinking": None}]
    messages += [{"content": "保修期为三年。", "role": "assistant", "thinking": None}]
    thinking = {
        "reasoning_language": "English",
        "developer": "",
        "user": zh,
        "analysis": None,
        "final": "保修期为三年。",
    }
    custom = {"instruction": term, "output": HOURS, "complexCOT": "...", "label": "Power", "chunk": GUIDE[:50]}
    with Project(guide) as opened:
        assert fates(opened.import_rows(alpaca)) == {"taken": 2}
        assert fates(opened.import_rows(jsonl(guide / "m.jsonl", {**thinking, "messages": messages}))) == {"taken": 1}
        assert sorted(rows_of(opened).values()) == [
            ("Battery", thought),
            ("the warranty period of the X200", years),
            ("保修", "保修期为三年。"),
        ]
        assert fates(opened.import_rows(jsonl(guide / "c.jsonl", custom))) == {"taken": 1}
        assert ("Battery", HOURS) in rows_of(opened).values()


def test_a_question_that_the_passage_asks_itself_is_no_term_of_it(tmp_path: Path) -> None:
    text = tmp_path / "faq.txt"
    text.write_text("How long does the battery run?\nThe battery of the X200 holds for 12 hours.", encoding="utf-8")
    folder = project.create(tmp_path / "faq", source=text, settings={**SETTINGS, "passages": {"held_out": 0}})
    with Project(folder) as opened:
        for asked in ("How long does the battery run?", "how long does the battery run"):
            imported = opened.import_rows(jsonl(folder / "r.jsonl", {"question": asked, "answer": HOURS}))
            assert (imported.new, imported.rows[0].fate.value) == (0, "taken" if asked[0] == "H" else "already here")


def test_records_corrected_in_argilla(book: Path) -> None:
    rows = table(dataset(book))[1:4]
    texts = [f"{rows[0][1]}这是订正。", rows[1][1], rows[2][1]]
    flat = [
        {"content": question, "summary.suggestion": old, "summary.responses": said, "summary.responses.status": status}
        for (question, old), said, status in zip(
            rows, ([texts[0]], None, ["甲。"]), (["submitted"], None, ["discarded"]), strict=True
        )
    ]
    nested = [
        {
            "fields": {"content": question, "summary": old},
            "responses": {"summary": [{"value": text}]},
            "suggestions": {},
        }
        for (question, old), text in zip(rows, texts, strict=True)
    ]
    with Project(book) as opened:
        imported = opened.import_rows(jsonl(book / "flat.jsonl", *flat), ("content", "summary"))
        assert fates(imported) == {"taken": 1, "already here": 1, "unreadable": 1}
        assert "discarded" in imported.rows[2].reason
        nested[0]["responses"] = {"summary": [{"value": f"{texts[0]}再订正。"}]}
        imported = opened.import_rows(jsonl(book / "nested.jsonl", *nested), ("content", "summary"))
        assert fates(imported)["taken"] == 1


def test_what_is_no_row_of_a_passage_is_named_with_its_reason(guide: Path) -> None:
    turns = [("user", "Battery?"), ("assistant", HOURS), ("user", "And then?"), ("assistant", "It is charged again.")]
    path = jsonl(
        guide / "odd.jsonl",
        {"messages": [{"role": role, "content": text} for role, text in turns]},
        {"messages": [{"role": "user", "content": "What is Battery?"}]},
        {"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": HOURS}]},
        {"messages": [{"role": "user", "content": "How long does it hold?"}, {"role": "assistant", "content": HOURS}]},
        {"messages": [{"role": "user", "content": "Who wrote Faust?"}, {"role": "assistant", "content": "Goethe."}]},
    )
    with Project(guide) as opened:
        imported = opened.import_rows(path)
        found = [row.fate.value for row in imported.rows]
        assert found == ["several turns", "unreadable", "empty", "taken", "no passage"]
        assert all(row.reason for row in imported.refused)
        assert (len(imported.refused), rows_of(opened)) == (4, {})


def test_a_column_names_what_a_question_of_its_own_is_about(guide: Path) -> None:
    row = {"question": "How long does it hold?", "answer": HOURS, "concept": "the battery of the X200"}
    with Project(guide) as opened:
        assert fates(opened.import_rows(jsonl(guide / "c.jsonl", row))) == {"taken": 1}
        assert list(rows_of(opened).values()) == [("the battery of the X200", HOURS)]
        assert own(opened) == {row["question"]: HOURS}


def test_passages_with_the_same_text_share_the_row(tmp_path: Path) -> None:
    text = tmp_path / "twice.txt"
    text.write_text("Warranty\nIt lasts 3 years from purchase on.\n\n" * 2, encoding="utf-8")
    settings = {**SETTINGS, "passages": {"held_out": 0}, "verification": {"ignore": ["RT4"]}}
    settings["augmentation"] = {"variants": 99}  # so that both are asked about in the same words
    folder = project.create(tmp_path / "twice", source=text, settings=settings)
    with Project(folder) as opened:
        path = opened.export()
        rows = table(path)
        assert set(fates(opened.import_rows(path))) == {"already here"}
        question = next(row[0] for row in rows if [row[0] for row in rows].count(row[0]) == 2)
        imported = opened.import_rows(write(folder / "new.csv", [rows[0], [question, "It lasts for 3 years."]]))
        assert (fates(imported), imported.changed) == ({"taken": 1}, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"a,b,c\n1,2,3\n", "no columns with a question"), (b"PK\x03\x04", "is packed")],
)
def test_a_file_that_cannot_be_used_changes_nothing(book: Path, data: bytes, message: str) -> None:
    path = book / "bad.csv"
    path.write_bytes(data)
    with Project(book) as opened:
        before = rows_of(opened)
        with pytest.raises(RawTextError, match=message):
            opened.import_rows(path)
        assert rows_of(opened) == before


def test_a_broken_provenance_is_named(tmp_path: Path, exported: Path) -> None:
    path = Path(shutil.copy(dataset(exported), tmp_path / "rows.csv"))
    (tmp_path / "rows.provenance.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    with Project(exported) as opened, pytest.raises(RawTextError, match=r"rows\.provenance\.jsonl:1: no line"):
        opened.import_rows(path)


FAQ = {
    "en": [
        ("How long does it run on its battery?", "The battery of the X200 holds for 12 hours."),
        ("And how quickly is it full again?", "It is charged within 90 minutes with the charger supplied."),
        ("Do you pay if water got in?", "Damage by water is not covered by the warranty."),
    ],
    "zh": [
        ("买来多久之内坏了可以修？", "保修期为三年，自购买之日起计算。"),
        ("手机进水了你们管不管？", "进水造成的损坏不在保修范围内。"),
        ("保修是从哪天开始算的？", "保修自购买之日起计算。"),
    ],
}


def faq(folder: Path, rows: list[tuple[str, str]], name: str = "faq.csv") -> Path:
    return write(folder / name, [["question", "answer"], *map(list, rows)])


@pytest.mark.parametrize("language", FAQ)
def test_questions_of_their_own_are_trained_as_they_are(guide: Path, language: str) -> None:
    rows = FAQ[language]
    with Project(guide) as opened:
        assert fates(opened.import_rows(faq(guide, rows))) == {"taken": 3}, "before there is any row"
        assert own(opened) == dict(rows)
        figures = {"joined": 3, "displaced_rows": 0, "asked_in_test": 0, "without_row": 0}
        assert opened._work.ledger.stage("augment").summary["feedback"] == figures
        assert set(fates(opened.import_rows(guide / "faq.csv"))) == {"already here"}
        (row,) = [row for row in opened._work.ledger.dataset_rows() if row.question == rows[0][0]]
        assert (row.source.origin, row.source.teacher) == ("edited", "faq.csv")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("rawtune.stages.feedback.ask_all", None)
            assert opened.take_feedback().summary["taken"] == 3, "looked at anew, they stay"


@pytest.mark.parametrize("language", FAQ)
def test_their_ids_stay_from_export_to_import_to_export(guide: Path, tmp_path: Path, language: str) -> None:
    rows = FAQ[language]
    other = project.create(
        tmp_path / "o", source=tmp_path / "guide.txt", settings=SETTINGS | {"passages": {"held_out": 0}}
    )
    (other / "raw").joinpath("guide.txt").replace(other / "raw" / (next((guide / "raw").iterdir())).name)
    with Project(guide) as opened:
        opened.import_rows(faq(guide, rows))
        exported = opened.export()
    with Project(other) as opened:
        imported = opened.import_rows(exported)
        assert set(fates(imported)) == {"taken"}
        assert imported.own == 3
        opened.export()
        assert set(fates(opened.import_rows(exported))) == {"already here"}
    assert ids(other) == ids(guide)


@pytest.mark.parametrize("language", FAQ)
def test_a_corrected_answer_is_not_taken_back_by_an_export(guide: Path, language: str) -> None:
    rows = FAQ[language]
    question, _ = rows[0]
    right = rows[2][1] if language == "zh" else "It holds for 12 hours."
    with Project(guide) as opened:
        opened.import_rows(faq(guide, rows))
        exported = opened.export()
        changed = [(asked, right if asked == question else answer) for asked, answer in table(exported)[1:]]
        imported = opened.import_rows(faq(guide, changed, "changed.csv"))
        assert fates(imported) == {"taken": 1, "already here": len(changed) - 1}
        for _ in range(2):  # before and after it is among the rows
            assert fates(opened.import_rows(exported)) == {"superseded": 1, "already here": len(changed) - 1}
            assert own(opened)[question] == right
        assert fates(opened.import_rows(faq(guide, rows[:1]))) == {"superseded": 1}


def test_nothing_that_is_held_out_is_trained_in_words_of_its_own(tmp_path: Path, guide: Path) -> None:
    folder = project.create(tmp_path / "held", source=tmp_path / "guide.txt", settings=SETTINGS)
    with Project(folder) as opened:
        opened.augment()
        imported = opened.import_rows(faq(folder, [*FAQ["en"], *FAQ["zh"]]))
        (held,) = [passage for passage, _ in opened.outcomes() if passage.split is Split.HELD_OUT]
        left = [row.row for row in imported.held_out]
        assert left == [at for at, (_, said) in enumerate([*FAQ["en"], *FAQ["zh"]], 1) if said[:9] in held.text]
        assert {row.reason for row in imported.held_out} == {"it is about a passage that is held out"}
        assert len(own(opened)) == imported.own == 6 - len(left)
        opened.export()


def test_what_is_wrong_with_a_question_of_its_own_is_named(guide: Path) -> None:
    (asked, right), (other, full), _ = FAQ["en"]
    rows = [(asked, right), (asked.upper(), "It holds for 90 minutes."), (other, "It is full within 57 minutes.")]
    with Project(guide) as opened:
        imported = opened.import_rows(faq(guide, rows))
        assert fates(imported) == {"conflicting": 2, "faulty": 1}
        assert "RT201" in imported.rows[2].reason
        assert opened.feedback() == []
        assert own(opened) == {}
        assert fates(opened.import_rows(faq(guide, [(other, full)]))) == {"taken": 1}


def test_several_answers_about_one_passage_keep_to_their_questions(guide: Path) -> None:
    rows = [("What is the charger of the X200?", "The charger is supplied."), ("What is Battery?", HOURS)]
    with Project(guide) as opened:
        imported = opened.import_rows(faq(guide, rows))
        assert (fates(imported), imported.own, imported.new) == ({"taken": 2}, 2, 0)
        assert own(opened) == dict(rows)
        test = next(row.question for row in opened._work.ledger.held_out_rows() if "Battery" in row.question)
        more = [
            (test, "It holds for 12 hours."),
            ("What is the battery of the X200?", "It is charged within 90 minutes."),
        ]
        imported = opened.import_rows(faq(guide, more))
        assert [(row.fate.value, row.reason) for row in imported.rows] == [
            ("held out", "the test asks its question"),
            ("taken", ""),
        ]
        assert own(opened) == dict([*rows, more[1]])

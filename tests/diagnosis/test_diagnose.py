"""From a run's losses to passages in quarantine, by the command and in a project."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_model import make_tiny_model

from rawtune import cli, project
from rawtune.config import Training
from rawtune.dataset import files
from rawtune.diagnosis.curve import judge
from rawtune.diagnosis.logs import of_rows, read_rows
from rawtune.diagnosis.rows import Suspect
from rawtune.project import Project
from rawtune.records import State, Suite
from rawtune.stages.diagnose import _reason, diagnose
from rawtune.training import runs
from rawtune.training.row_losses import HEADER, LOSSES, ROW_LOSSES

TEXT = "\n\n".join(f"卦{i}\n卦{i}讲的是第{i}件事。卦{i}劝人记住第{i}条道理。" for i in range(1, 13))
BROKEN = (3.59, 4.05, 3.09, 3.38, 3.55, 2.61, 2.66, 3.16)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["rawtune", "diagnose", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def make(folder: Path, **settings: Any) -> Path:
    source = folder / "book.txt"
    source.write_text(TEXT, encoding="utf-8")
    chosen = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0}, "synthesis": {"max_quarantined": 0.5}}
    return project.create(folder / "book", source=source, settings={**chosen, **settings})


def write_run(folder: Path, ids: list[str], bad: set[str], by: float = 0.8) -> Path:
    """A run of one epoch, as training leaves it; ``bad`` rows lose more, ``by`` so much."""
    folder.mkdir(parents=True)
    chance = random.Random(1)
    lines, steps = [",".join(HEADER)], []
    order = chance.sample(range(len(ids)), len(ids))
    for at, number in enumerate(order):
        level = 4 - 3 * at / len(ids)
        mean = level * (1 + chance.gauss(0, 0.1)) + by * (ids[number] in bad)
        lines.append(f"{at // 8 + 1},{number + 1},{ids[number]},30,{mean},{mean}")
        if at % 8 == 0:
            steps.append(json.dumps({"step": at // 8 + 1, "loss": level}))
    (folder / "row_losses.csv").write_text("\n".join(lines) + "\n")
    (folder / "losses.jsonl").write_text("\n".join(steps) + "\n")
    return folder


def states(opened: Project) -> dict[str, State]:
    return {outcome.example.concept: outcome.state for _, outcome in opened.outcomes() if outcome.example}


@pytest.fixture
def diagnosed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a run in which all rows about 卦3 are hard to learn."""
    folder = make(tmp_path)
    with Project(folder) as opened:
        opened.run("augment")
        rows = list(opened._work.ledger.training_rows())
    write_run(folder / "models" / "run", [row.id for row in rows], {row.id for row in rows if row.concept == "卦3"})
    monkeypatch.chdir(folder)
    return folder


def test_rows_are_told_with_all_they_were_made_of(
    diagnosed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models/run", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["curve"].keys() >= {"verdict", "jaggedness", "flat_since", "steps"}
    assert found["curve"]["verdict"] == "healthy"
    assert len(found["rows"]) == 20
    for row in found["rows"]:
        assert (row["tail"], row["concept"], row["by"]) == ("high", "卦3", "concept")
        assert "卦3" in row["question"]
        assert "卦3劝人" in row["text"]
        assert row["source"].startswith("raw/book.txt:")
        assert len(row["prompt_hash"]) == 16
        assert "'卦3'" in row["reason"]
        assert row["z"] > 2.5
    assert run(monkeypatch, "models/run") == 1
    shown = capsys.readouterr().out
    assert shown.count("卦3劝人") == 2, "answer and passage of a concept are shown once, not for every row"
    assert "20 rows stand out" in shown
    assert (diagnosed / "models/run/loss.png").read_bytes().startswith(b"\x89PNG")


def test_what_stands_out_is_in_quarantine_until_the_next_run_asks_anew(
    diagnosed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models/run", "--quarantine") == 1
    assert "1 passages put in quarantine" in capsys.readouterr().out
    with Project() as opened:
        (entry,) = opened.quarantine()
        assert entry["rules"] == ["RT801"]
        assert "harder to learn" in entry["reason"]
        assert opened.unasked() == 1
        calls = opened._work.ledger.spent()[0]
        opened.reparse()
        assert [entry["rules"] for entry in opened.quarantine()] == [["RT801"]]
        assert opened.augment()["train_rows"] == 12 * 20
        assert opened._work.ledger.spent()[0] == calls + 1
        assert set(states(opened).values()) == {State.KEPT}


def test_a_row_by_hand_that_stands_out_is_for_a_person_to_mend(
    diagnosed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project() as opened:
        (passage,) = (passage for passage in opened._work.ledger.passages() if passage.text.startswith("卦3\n"))
        row = {"passage": passage.id, "content": "卦3", "summary": "卦3讲的是第3件事，劝人记住第3条道理。"}
        opened.edit([row])
        opened.augment()
        rows = list(opened._work.ledger.training_rows())
    again = {row.id for row in rows if row.concept == "卦3"}
    write_run(diagnosed / "models" / "again", [row.id for row in rows], again)
    assert run(monkeypatch, "models/again", "--quarantine") == 1
    with Project() as opened:
        assert opened.unasked() == 0
        figures = opened.verify()
        assert (figures["kept"], figures["quarantined"], figures["rules"]) == (11, 1, {"RT801": 1})
        assert opened.augment()["train_rows"] == 11 * 20


@pytest.mark.parametrize(("template", "verdict"), [("kind:why", "healthy"), ("{}为何？", "jagged")])
def test_kinds_of_questions_that_are_harder_make_no_curve_jagged(tmp_path: Path, template: str, verdict: str) -> None:
    folder = make(tmp_path)
    with Project(folder) as opened:
        opened.run("augment")
        rows = list(opened._work.ledger.training_rows())
        hard = set(random.Random(2).sample(range(len(rows)), len(rows) // 3))
        rows = [replace(row, template=template) if at in hard else row for at, row in enumerate(rows)]
        opened._work.ledger.save_questions(rows)
        path = write_run(folder / "models" / "run", [row.id for row in rows], {rows[at].id for at in hard}, by=3)
        log = of_rows(read_rows(path / "row_losses.csv"))
        lines = [json.dumps({"step": step, "loss": loss}) for step, loss in zip(*log, strict=True)]
        (path / "losses.jsonl").write_text("\n".join(lines))
        assert diagnose(path, opened._work).curve.verdict == verdict


@pytest.mark.parametrize(
    ("question", "answer"), [("卦5要人记住什么？", "第5条道理。"), ("What does 卦5 ask of us?", "To keep rule 5.")]
)
def test_a_row_with_an_answer_of_its_own_takes_no_passage_into_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], question: str, answer: str
) -> None:
    folder = make(tmp_path)
    with Project(folder) as opened:
        opened.run("augment")
        ledger = opened._work.ledger
        rows = [*ledger.training_rows(), *ledger.suite(Suite.PHRASING)]
        of_5 = next(row for row in rows if row.concept == "卦5")
        kind = replace(of_5, id="f" * 16, question=question, answer=answer)
        ledger.save_questions([*rows, kind])
        ids = [row.id for row in ledger.training_rows()]
    write_run(folder / "models" / "run", ids, {kind.id}, by=8)
    monkeypatch.chdir(folder)
    assert run(monkeypatch, "models/run", "--quarantine") == 1
    said = capsys.readouterr().out
    assert "0 passages put in quarantine" in said
    assert "1 rows have another answer than their passage's row (another kind, another wording, feedback)" in said
    assert said.rstrip().endswith(kind.id)
    assert run(monkeypatch, "models/run", "--quarantine", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["quarantined"], found["left"]) == (0, [kind.id])
    with Project() as opened:
        assert set(states(opened).values()) == {State.KEPT}


def test_what_a_person_accepts_does_not_stand_out(
    diagnosed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "models/run")
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "to accept it: " in line)
    mark = line.partition(": ")[2].removesuffix(" in rawtune.noqa")
    (diagnosed / "rawtune.noqa").write_text(f"{mark}  # hard, but right\n")
    assert run(monkeypatch, "models/run", "--quarantine") == 0
    assert "0 passages put in quarantine" in capsys.readouterr().out


def test_a_row_changed_by_hand_is_held_to_the_others_of_its_concept(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with Project(folder) as opened:
        dataset = opened.export()
        rows = files.read(dataset, opened.config.columns)
        changed = next(number for number, row in enumerate(rows) if row.question == "卦5是什么？")
        text = dataset.read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("卦5是什么？,"))
        dataset.write_text(text.replace(line, line + '""interpretation'), encoding="utf-8")
        rows = files.read(dataset, opened.config.columns)
        ids = {(row.question, row.answer): row.id for row in opened._work.ledger.training_rows()}
        named = [ids.get((row.question, row.answer), "") for row in rows]
        assert named.count("") == 1
        assert not named[changed]
        run = write_run(folder / "models" / f"m-epoch1-{'_'.join(dataset.stem.split('_')[-2:])}", named, {""}, by=4)
        record = {"settings": Training().model_dump(), "model": "m", "draw": "written_out"}
        record["identity"] = runs.identity(rows, "m", Training(), "written_out")
        (run / runs.RECORD).write_text(json.dumps(record))
        (told,) = opened.diagnose(run).rows or ()
        assert (told.row, told.by, told.concept, told.passage) == (str(changed + 1), "row", "卦5", "")
        assert "interpretation" in told.answer


def test_a_run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path, student="tiny", training={"epochs": 1, "batch_size": 40})
    make_tiny_model(folder / "tiny")
    monkeypatch.chdir(folder)
    assert run(monkeypatch) == 2
    assert "nothing was trained yet" in capsys.readouterr().err
    with Project() as opened:
        adapter = opened.train()
        rows = {row.id for row in opened._work.ledger.training_rows()}
        (record,) = [state.record for state in opened.status() if state.name == "train"]
        assert record
        assert record.summary["curve"] == opened.diagnose().curve.verdict == "too-short"
    lines = (adapter / "row_losses.csv").read_text().splitlines()[1:]
    assert {line.split(",")[2] for line in lines} == rows
    assert len(lines) == len(rows) == 240
    assert run(monkeypatch) in (0, 1)
    assert "curve: too-short" in capsys.readouterr().out
    shutil.rmtree(adapter)
    assert run(monkeypatch) == 2


@pytest.mark.parametrize("broken", [True, False])
def test_losses_of_another_trainer_need_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    losses = BROKEN if broken else sorted(BROKEN, reverse=True)
    log = [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    for path in ("out", "out/trainer_state.json"):
        assert run(monkeypatch, path, "--json") == int(broken)
        found = json.loads(capsys.readouterr().out)
        assert found["curve"]["verdict"] == ("jagged" if broken else "healthy")
        assert found["rows"] == []
        assert Path(found["picture"]).exists()
    assert run(monkeypatch, "out") == int(broken)
    assert "were not kept" in capsys.readouterr().out


def test_a_folder_of_another_trainer_is_read_by_its_last_checkpoint(tmp_path: Path) -> None:
    for step, last in ((8, 2.0), (16, float("nan"))):
        log = [{"step": at, "loss": 4 - at / 10 if at < step else last} for at in range(1, step + 1)]
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    assert "step 16 is nan" in diagnose(tmp_path).curve.reason


def test_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for arguments in ([], ["missing"], ["empty"], ["empty", "--quarantine"]):
        assert run(monkeypatch, *arguments) == 2


@pytest.mark.parametrize(
    ("suspect", "said"),
    [
        (Suspect(3, 6.0), "it was harder to learn than others of its time and length, by 6.0 deviations"),
        (Suspect(3, 6.0, beside=True), "it was harder to learn than others of its concept, by 6.0 deviations"),
        (
            Suspect(3, -6.0, beside=True),
            "it was easier to learn than others of its concept, by 6.0 deviations; does the question give",
        ),
        (
            Suspect(3, 6.0, part="first", beside=True),
            "its first tokens were harder to learn than others of its concept, by 6.0 nats",
        ),
        (
            Suspect(3, 6.0, "concept", "蒙", 4, "punctuation"),
            "the punctuation marks of the 4 rows of the concept '蒙' were harder to learn than other concepts', by 6.0",
        ),
        (
            Suspect(3, 6.0, part="end", odd=True),
            "its last tokens were harder to learn than others of its time and length, by 4.0 deviations; few answers",
        ),
        (
            Suspect(3, 6.0, "swap", "蒙"),
            "its answer stands under '蒙', too, as the texts tell, and by the losses it belongs there",
        ),
    ],
)
def test_the_reason_says_what_stood_out(suspect: Suspect, said: str) -> None:
    assert _reason(suspect).startswith(said)


def test_of_the_losses_of_rows_alone_a_curve_is_made(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [f"r{row}" for row in range(240)], {"r7"}, by=9)
    whole = diagnose(folder)
    assert whole.rows
    (folder / LOSSES).unlink()
    for found in (diagnose(folder), diagnose(folder / ROW_LOSSES)):
        assert found.rows == whole.rows
        assert found.curve == judge(*of_rows(read_rows(folder / ROW_LOSSES))[::-1], batch=8)

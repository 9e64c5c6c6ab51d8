import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rawtune import project as projects
from rawtune.cli.probe import probe as verb
from rawtune.comparison.arms import BASE
from rawtune.comparison.knowledge import Worth
from rawtune.errors import UsageError
from rawtune.records import Answer
from rawtune.stages import arms
from rawtune.verification.headings import heading


@pytest.fixture(params=["en", "zh"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, student: Path) -> Path:
    return projects.create(tmp_path / "book", f"zhouyi-{request.param}", limit=8, settings={"student": str(student)})


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_model import make_tiny_model

    tiny = make_tiny_model(tmp_path_factory.mktemp("student") / "tiny")
    config = tiny / "config.json"  # a byte is a token, so that a passage needs more room than the model's usual 1024
    config.write_text(config.read_text().replace('"max_position_embeddings": 1024', '"max_position_embeddings": 2048'))
    return tiny


def answering(monkeypatch: pytest.MonkeyPatch, knows: set[str]) -> None:
    """Let each of these arms say what is right of a question, and the others something else."""

    def ask(work, line, asked, passages):
        given = []
        for arm in line:
            for question in asked:
                body = passages[question.passage_id].partition("\n")[2]
                name = heading(passages[question.passage_id])
                right = name if "____" in question.text else body[-200:]
                said = right if arm.name in knows else "Nobody has ever told me. 没有人告诉过我这件事。"
                given.append(Answer(arm.name, question.suite, question.passage_id, question.text, "", said))
        return given, {}

    monkeypatch.setattr(arms, "ask", ask)


def test_a_base_that_knows_it_all_has_nothing_to_gain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {BASE.name, "base+passage"})
    with projects.Project(folder) as project:
        found = project.probe()
    assert found.finding.worth is Worth.NOT_WORTH_IT
    assert {one.kind for one in found.asked} == {"easy", "hard"}
    assert len(found.finding.concepts) == 8


def test_one_that_answers_only_with_the_passage_may_need_retrieval_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, {"base+passage"})
    with projects.Project(folder) as project:
        found = project.probe(concepts=6)
    assert found.finding.worth is Worth.PERHAPS_RETRIEVAL
    assert found.finding.new_facts
    assert len(found.finding.concepts) == 6


def test_the_hard_question_does_not_name_what_it_asks_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, set())
    with projects.Project(folder) as project:
        found = project.probe()
    for one in found.asked:
        name = re.sub(r"\s*[(（].*", "", one.concept)
        named = re.search(rf"\b{name}\b", one.question) if name.isascii() else name in one.question
        assert bool(named) is (one.kind == "easy"), one.question


def test_own_questions_find_their_passages_and_the_others_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, {BASE.name})
    with projects.Project(folder) as project:
        project.read()
        first = next(project._work.ledger.passages())
        concept = heading(first.text)
        found = project.probe([f"{concept}?", "Wo liegt der Bahnhof?"])
    assert [(one.kind, one.passage_id) for one in found.asked] == [("own", first.id)]
    assert "Bahnhof" in found.left_out[0]


def test_text_without_headings_is_told_what_to_do(tmp_path: Path, student: Path) -> None:
    folder = projects.create(tmp_path / "plain", settings={"student": str(student)})
    (folder / "raw" / "a.txt").write_text(
        "这一段文字没有标题。它只是一段话。\n\nNo heading here, either.", encoding="utf-8"
    )
    with projects.Project(folder) as project, pytest.raises(UsageError, match="2 passages have no heading") as caught:
        project.probe()
    assert "--file" in caught.value.hint


def test_the_verb_asks_a_real_model_and_prints_a_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny model that was never trained knows nothing; asked again, nothing is generated anew."""
    settings = folder / "rawtune.yaml"
    text = re.sub(r"max_new_tokens: \d+", "max_new_tokens: 8", settings.read_text(encoding="utf-8"))
    settings.write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    shown = CliRunner().invoke(verb, ["--print", "--concepts", "6"])
    assert shown.exit_code == 0, shown.output
    assert "[wrong]" in shown.stdout
    assert "knows 0% of 6 concepts" in shown.stdout
    assert shown.stdout.rstrip().endswith("verdict: worth it")
    monkeypatch.setattr("rawtune.comparison.answers.answer", None)
    again = CliRunner().invoke(verb, ["--json", "--concepts", "6"])
    assert json.loads(again.stdout)["finding"]["worth"] == "worth it"

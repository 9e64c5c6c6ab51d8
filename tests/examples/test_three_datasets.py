"""The script of the three datasets: what it breaks, what it tells of a report, and that it is not content with less."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rawtune import project
from rawtune.dataset import files
from rawtune.records import Row

SCRIPT = Path(__file__).parents[2] / "examples" / "three-datasets" / "run.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("three_datasets", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def opened(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[project.Project]:
    folder = tmp_path_factory.mktemp("three") / "p"
    settings = {**script.SETTINGS, "teacher": {"model": "scripted:"}}
    project.create(folder, "zhouyi-en", limit=script.PASSAGES, settings=settings)
    with project.Project(folder) as opened:
        yield opened


def arm(name: str, shares: tuple[float, float, float, float], gain: float, *flags: str) -> dict[str, Any]:
    """An arm of a report: right concept and true, of seen and of unseen questions."""
    seen, seen_true, unseen, unseen_true = ({"estimate": share} for share in shares)
    against = {"estimate": gain, "low": gain - 5, "high": gain + 5, "verdict": "better" if gain > 5 else "not shown"}
    return {
        "name": name,
        "scores": {
            "seen": {"identified": seen, "grounded": seen_true},
            "phrasing": {"identified": unseen, "grounded": unseen_true},
        },
        "difference": {} if name == "base" else {"phrasing": {"chrf": against}},
        "harm": [{"name": sign, "flagged": sign in flags} for sign in ("recited", "gap", "loops")],
    }


@pytest.fixture
def report() -> dict[str, Any]:
    return {
        "primary": "smollm2-epoch1",
        "arms": [
            arm("base", (0.1, 0.2, 0.1, 0.1), 0),
            arm("smollm2-epoch1", (1, 1, 1, 0.9), 70),
            arm("broken", (0.8, 0.3, 0.8, 0.25), 40, "recited"),
            arm("hand-made", (1, 1, 0.85, 0.5), 60, "gap"),
        ],
    }


@pytest.fixture
def found(script: ModuleType) -> dict[str, Any]:
    return {
        "good": script.Trained(160, 0, "healthy"),
        "broken": script.Trained(160, 120, "jagged"),
        "hand-made": script.Trained(8, 0, "flat-memorised"),
    }


def test_six_of_eight_concepts_are_broken_with_all_their_questions_and_found(
    script: ModuleType, opened: project.Project, tmp_path: Path
) -> None:
    good = files.read(opened.export(), opened.config.columns)
    labels = script.break_answers(opened)
    broken = script.broken(good, labels)
    assert len(good) == len(broken) == 160
    assert sum(bool(label.fault) for label in labels.values()) == 6
    assert sum(before != after for before, after in zip(good, broken, strict=True)) == 120
    assert [row.question for row in broken] == [row.question for row in good]
    (tmp_path / "training.json").write_text(json.dumps({"losses": [3 * 0.9**step for step in range(40)]}))
    assert script.examine(opened, "good", good, tmp_path) == (160, 0, "healthy")
    assert script.examine(opened, "broken", broken, tmp_path) == (160, 120, "healthy")


def test_hand_made_rows_are_the_questions_that_will_be_asked_as_seen(script: ModuleType) -> None:
    answers = [
        {"suite": "seen", "model": "base", "question": "Meng?", "reference": "A spring.", "text": "?"},
        {"suite": "seen", "model": "tuned", "question": "Meng?", "reference": "A spring.", "text": "?"},
        {"suite": "phrasing", "model": "base", "question": "And Meng?", "reference": "A spring.", "text": "?"},
    ]
    assert script.by_hand({"answers": answers}) == [Row("Meng?", "A spring.")]


def test_a_line_for_each_arm(script: ModuleType, report: dict[str, Any], found: dict[str, Any]) -> None:
    *_, base, good, broken, drilled = script.table(report, found)
    assert base.split() == ["base", "10%", "20%", "10%", "10%"]
    assert good.split()[:8] == ["good", "160", "0", "healthy", "100%", "100%", "100%", "90%"]
    assert "+70.0 [+65.0, +75.0] better" in good
    assert broken.split()[2] == "120"
    assert broken.endswith("recited")
    assert drilled.endswith("gap")


def test_arms_that_are_told_apart(script: ModuleType, report: dict[str, Any], found: dict[str, Any]) -> None:
    assert script.untold(report, found) == []


@pytest.mark.parametrize(
    ("name", "shares", "gain", "flags", "part"),
    [
        ("smollm2-epoch1", (1, 1, 1, 0.9), 3, (), "better than base"),
        ("smollm2-epoch1", (1, 1, 1, 0.9), 70, ("recited",), "broken rows leave no sign"),
        ("smollm2-epoch1", (1, 1, 1, 0.9), 70, ("gap",), "no gap"),
        ("broken", (0.8, 0.3, 0.8, 0.25), 40, (), "broken rows leave no sign"),
        ("broken", (0.8, 0.3, 0.8, 0.95), 40, ("recited",), "no less true"),
        ("hand-made", (1, 1, 0.85, 0.5), 60, (), "no gap"),
        ("hand-made", (1, 0.5, 0.85, 0.5), 60, ("gap",), "as true on unseen"),
    ],
)
def test_what_the_report_does_not_tell_apart_is_named(
    script: ModuleType,
    report: dict[str, Any],
    found: dict[str, Any],
    name: str,
    shares: tuple[float, float, float, float],
    gain: float,
    flags: tuple[str, ...],
    part: str,
) -> None:
    report["arms"] = [arm(name, shares, gain, *flags) if old["name"] == name else old for old in report["arms"]]
    (failure,) = script.untold(report, found)
    assert part in failure


@pytest.mark.parametrize(
    ("name", "known", "part"),
    [
        ("good", (160, 1, "healthy"), "finds fault with good"),
        ("broken", (160, 119, "jagged"), "unfound"),
        ("hand-made", (8, 0, "healthy"), "by heart"),
    ],
)
def test_what_rules_and_losses_do_not_tell_apart_is_named(
    script: ModuleType,
    report: dict[str, Any],
    found: dict[str, Any],
    name: str,
    known: tuple[int, int, str],
    part: str,
) -> None:
    (failure,) = script.untold(report, {**found, name: script.Trained(*known)})
    assert part in failure

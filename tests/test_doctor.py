from pathlib import Path

import pytest

from rawtune import doctor, project
from rawtune.doctor import Check, examine


def checks(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(folder)}


def test_all_is_well_with_a_scripted_teacher(tmp_path: Path) -> None:
    folder = project.create(tmp_path / "p", settings={"teacher": {"model": "scripted:"}})
    found = checks(folder)
    assert {name for name, check in found.items() if check.remedy} == set()
    assert "answered in" in found["teacher"].found
    assert "smollm2" in found["student"].found
    assert "GB free" in found["disk"].found


def test_each_fault_comes_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = project.create(tmp_path / "p", settings={"teacher": {"model": "openai:gpt-4o-mini"}, "student": "./none"})
    (folder / "rawtune.yaml").write_text(
        (folder / "rawtune.yaml").read_text().replace("student: embedded:smollm2", "student: ./none")
    )
    found = checks(folder)
    assert "export OPENAI_API_KEY" in found["teacher"].remedy
    assert found["student"].remedy


def test_endpoint_that_is_down(tmp_path: Path) -> None:
    settings = {"teacher": {"model": "openai:local", "base_url": "http://127.0.0.1:9/v1"}}
    found = checks(project.create(tmp_path / "p", settings=settings))
    assert "127.0.0.1:9" in found["teacher"].found
    assert found["teacher"].remedy


def test_faulty_settings_are_named_and_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "rawtune.yaml").write_text("nome: x\n")
    found = checks(tmp_path)
    assert "did you mean 'name'?" in found["rawtune.yaml"].found
    assert "teacher" not in found


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._EXTRAS, "train", ("torch", "no_such_library"))
    folder = project.create(tmp_path / "p", settings={"teacher": {"model": "scripted:"}})
    assert checks(folder)["extra 'train'"] == Check(
        "extra 'train'", "not installed: no_such_library", "pip install 'rawtune[train]'"
    )


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LEAST_DISK", 10**9)
    folder = project.create(tmp_path / "p", settings={"teacher": {"model": "scripted:"}})
    assert "free at least" in checks(folder)["disk"].remedy

"""Every fault a user will meet: a message that names the place, the remedy, the right exit code, and a way on."""

import signal
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, completion, configure, interrupt_when, make_project, rawtune, write_row


def fails(folder: Path, code: int, *parts: str, verb: str = "run") -> None:
    ran = rawtune(folder, verb)
    assert ran.returncode == code, ran.stderr
    for part in (*parts, "hint: "):
        assert part in ran.stderr
    assert "Traceback" not in ran.stderr


def test_not_a_project(tmp_path: Path) -> None:
    fails(tmp_path, 2, "no rawtune.yaml", "rawtune init")


def test_no_raw_text(tmp_path: Path) -> None:
    assert rawtune(tmp_path, "init", "p").returncode == 0
    fails(tmp_path / "p", 2, "no raw text")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.txt: is empty"),
        (b" \n\t\n", "a.txt: is empty"),
        ("蒙卦\n山下有泉。".encode("gb18030"), "iconv -f GB18030 -t UTF-8"),
        ("蒙卦".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
    ],
)
def test_unusable_raw_text(tmp_path: Path, content: bytes, message: str) -> None:
    assert rawtune(tmp_path, "init", "p").returncode == 0
    (tmp_path / "p" / "raw" / "a.txt").write_bytes(content)
    fails(tmp_path / "p", 2, message)


def test_every_fault_of_the_settings_is_named_with_its_line(tmp_path: Path) -> None:
    assert rawtune(tmp_path, "init", "p").returncode == 0
    path = tmp_path / "p" / "rawtune.yaml"
    path.write_text("name: p\nteacher:\n  modle: x\ntraining:\n  epochs: 0\n", encoding="utf-8")
    fails(tmp_path / "p", 2, "rawtune.yaml:3: unknown key 'teacher.modle'; did you mean 'model'?", "rawtune.yaml:5:")


def test_no_key(tmp_path: Path, student: Path) -> None:
    project = make_project(tmp_path, student, "openai:gpt-4o-mini", None)
    fails(project, 2, "OPENAI_API_KEY")


def test_no_such_student(tmp_path: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, tmp_path / "missing", "openai:local", endpoint.url)
    fails(project, 2, "missing")


@pytest.mark.parametrize(
    ("status", "code", "message"), [(404, 2, "local"), (401, 2, "OPENAI_API_KEY"), (400, 1, "too odd")]
)
def test_endpoint_refuses(
    tmp_path: Path, student: Path, endpoint: Endpoint, status: int, code: int, message: str
) -> None:
    endpoint.answer = lambda _: (status, {"error": {"message": "too odd"}})
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    fails(project, code, message)
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    assert rawtune(project, "synth").returncode == 0


def test_endpoint_down_then_up_again(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, student, "openai:local", "http://127.0.0.1:9/v1")
    configure(project, {"  attempts": "1"})
    fails(project, 1, "127.0.0.1:9")
    configure(project, {"  base_url": endpoint.url})
    assert rawtune(project, "synth").returncode == 0
    assert len(endpoint.asked) == 8


def test_failed_passages_are_counted_and_asked_again(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    configure(project, {"  attempts": "1"})
    endpoint.answer = lambda request: (
        (400, {"error": {"message": "odd"}}) if "蒙卦" in write_row(request) else (200, completion(write_row(request)))
    )
    fails(project, 1, "7 kept + 0 quarantined + 1 failed = 8 passages", verb="synth")
    assert "stale" in rawtune(project, "status").stdout
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    again = rawtune(project, "synth")
    assert again.returncode == 0, again.stderr
    assert len(endpoint.asked) == 7 + 2 + 1, (
        "the seven good ones are not asked again; the bad one was in the pilot, too"
    )


def test_a_teacher_that_only_talks_stops_at_the_pilot(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    endpoint.answer = lambda _: (200, completion("Sure! Here is what I think."))
    fails(project, 1, "pilot", "rawtune try")
    assert len(endpoint.asked) == 3 * 3


@pytest.mark.parametrize("stage", ["synthesise", "train", "compare"])
def test_interrupted_in_a_stage_goes_on_from_there(
    tmp_path: Path, student: Path, endpoint: Endpoint, stage: str
) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    code, said = interrupt_when(project, f"] {stage}", "run")
    assert code == 130, said
    assert "goes on from here" in said
    again = rawtune(project, "run")
    assert again.returncode == 0, again.stderr
    assert len(endpoint.asked) <= 8 + 8
    assert len({str(request["messages"]) for request in endpoint.asked}) == 8


def test_killed_in_the_middle_of_synthesis_loses_and_doubles_nothing(
    tmp_path: Path, student: Path, endpoint: Endpoint
) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url, passages=40)
    configure(project, {"  concurrency": "2"})
    code, _ = interrupt_when(project, "/40", "synth", by=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert rawtune(project, "export").returncode == 0
    assert len(endpoint.asked) <= 40 + 2
    (dataset,) = project.glob("datasets/*_??????.csv")
    rows = dataset.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert len(rows) == len(set(rows)) == 30 * 20


def test_two_runs_at_once_are_told_apart(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    from filelock import FileLock

    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    (project / ".rawtune").mkdir()
    with FileLock(project / ".rawtune" / "lock"):
        fails(project, 2, "another run")


@pytest.mark.parametrize(("verb", "largest_file"), [("synth", 150_000), ("export", 20_000), ("train", 60_000)])
def test_disk_full_in_the_middle_goes_on_from_there(
    tmp_path: Path, student: Path, endpoint: Endpoint, verb: str, largest_file: int
) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url, passages=64)
    before = {"synth": "read", "export": "augment", "train": "export"}[verb]
    assert rawtune(project, before).returncode == 0
    full = rawtune(project, verb, largest_file=largest_file)
    assert full.returncode == 1, full.stderr
    assert "free some space" in full.stderr
    assert "Traceback" not in full.stderr
    asked = len(endpoint.asked)
    again = rawtune(project, verb)
    assert again.returncode == 0, again.stderr
    assert not list(project.rglob("*.partial"))
    if verb == "synth":
        assert "64 kept + 0 quarantined + 0 failed = 64 passages" in again.stderr
        assert len({str(request["messages"]) for request in endpoint.asked}) == 64
    else:
        assert len(endpoint.asked) == asked == 64

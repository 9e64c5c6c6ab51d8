"""Several processes learn what one would, and end together."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rawtune.config import Training
from rawtune.errors import RawtuneError, StorageFull, UsageError
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import device, processes
from rawtune.training.row_losses import ROW_LOSSES
from rawtune.training.runs import RECORD, TrainingRun
from rawtune.training.trainer import train

Rows = tuple[Row, ...]


class Heard(Silent):
    """Keeps what is shown, and presses Ctrl-C at a step."""

    def __init__(self, interrupt_at: int = -1) -> None:
        self.lines: list[str] = []
        self.steps: list[int] = []
        self.interrupt_at = interrupt_at

    def say(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, done: int, total: int, note: str = "") -> None:
        self.steps.append(done)
        if done == self.interrupt_at:
            raise KeyboardInterrupt


def settings(**changes: Any) -> Training:
    plain = {"learning_rate": 1e-2, "epochs": 2, "batch_size": 4, "dropout": 0, "checkpoint_steps": 1, "device": "cpu"}
    return Training(**{**plain, **changes})


def row_losses(run: TrainingRun) -> list[tuple[str, ...]]:
    with (Path(run.folder) / ROW_LOSSES).open(newline="") as file:
        return [tuple(line) for line in csv.reader(file)]


def test_two_processes_learn_what_one_does(
    tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five rows in batches of four: a process gets no row at all in the second step of an epoch.

    One process does the first step, two go on from its checkpoint: so resuming is tested, too.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    more, ids = (*rows, Row("乾？", "天。")), ["a", "b", "c", "d", "e"]
    # As padded as in two: bfloat16, where a CPU is fast at it, tells the difference.
    alone = settings(micro_batch_size=1)
    whole = train(more, str(tiny), alone, tmp_path / "one", Silent(), ids=ids)
    with pytest.raises(KeyboardInterrupt):
        train(more, str(tiny), alone, tmp_path / "two 卦", Heard(interrupt_at=2), ids=ids)
    heard, shared = Heard(), settings(processes=2, micro_batch_size=1)
    run = train(more, str(tiny), shared, tmp_path / "two 卦", heard, resume=True, ids=ids)
    assert (run.resumed_at, run.steps, heard.steps) == (1, 4, [2, 3, 4])
    assert run.losses == pytest.approx(whole.losses, abs=1e-5)
    ours, theirs = (load_file(Path(one.folder) / "adapter_model.safetensors") for one in (run, whole))
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=1e-5, rtol=1e-4)
    together, by_one = row_losses(run), row_losses(whole)
    assert [line[:4] for line in together] == [line[:4] for line in by_one]  # step, row, id and tokens, in order
    for two, one in zip(together[1:], by_one[1:], strict=True):
        assert [*map(float, two[4:])] == pytest.approx([*map(float, one[4:])], abs=1e-4)
    assert heard.lines[0] == "training in 2 processes, 2 rows of each step in each"
    assert heard.lines.count("going on after step 1") == 1
    assert json.loads((Path(run.folder) / RECORD).read_text())["settings"]["processes"] == 2
    assert (Path(run.folder) / "checkpoint-4" / "rng_state_1.pth").exists()
    assert train(more, str(tiny), settings(), tmp_path / "two 卦", Silent(), resume=True, ids=ids) == run


def started(monkeypatch: pytest.MonkeyPatch, *programs: str) -> list["subprocess.Popen[bytes]"]:
    """Have ``processes.run`` start these Python programs, given the job's folder, in place of workers."""
    running: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, rank: int, number: int) -> "subprocess.Popen[bytes]":
        with (folder / f"stderr-{rank}.txt").open("wb") as stderr:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-c", programs[rank], str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                )
            )
        return running[-1]

    monkeypatch.setattr(processes, "_start", start)
    return running


WAITS = "import sys; sys.stdin.read()"
REPORTS = """print('["say", "卦"]\\n["advance", 1, 2, "loss 2.00"]', flush=True)"""
FAILS = """
import json, pathlib, sys
error = {{"kind": "{kind}", "message": "{message}", "hint": "do this", "time": {time}}}
pathlib.Path(sys.argv[1], "error-{time}.json").write_text(json.dumps(error))
sys.exit(1)
"""


def test_what_the_first_process_reports_is_passed_on_to_the_last_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard = Heard()
    started(monkeypatch, REPORTS, "")
    processes.run({"output": str(tmp_path)}, 2, heard)
    assert (heard.lines, heard.steps) == (["卦"], [1])


def test_after_ctrl_c_no_process_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running = started(monkeypatch, f"{REPORTS}; {WAITS}", WAITS)
    with pytest.raises(KeyboardInterrupt):
        processes.run({"output": str(tmp_path)}, 2, Heard(interrupt_at=1))
    assert [worker.returncode for worker in running] == [-signal.SIGKILL] * 2


def test_one_that_fails_ends_the_others_and_its_error_is_raised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running = started(monkeypatch, WAITS, FAILS.format(kind="StorageFull", message="no space", time=1))
    with pytest.raises(StorageFull, match=r"^no space$") as raised:
        processes.run({"output": str(tmp_path)}, 2, Silent())
    assert raised.value.hint == "do this"
    assert running[0].returncode == -signal.SIGKILL


def test_the_rows_lie_with_the_run_for_this_user_alone_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = tmp_path / ".processes" / "job.json"  # by a process that was killed
    left.parent.mkdir()
    left.with_name("error-1.json").write_text("{}")
    tells = """
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
left = os.path.exists(folder / "error-1.json")
print(json.dumps(["say", f"{oct(folder.stat().st_mode)[-3:]} {left} {folder.parent}"]))
print(json.dumps(["say", json.loads((folder / "job.json").read_text())["rows"][0][1]]))
"""
    heard = Heard()
    started(monkeypatch, tells, "")
    processes.run({"output": str(tmp_path), "rows": [["蒙？", "泉。"]]}, 2, heard)
    assert heard.lines == [f"700 False {tmp_path}", "泉。"]
    assert list(tmp_path.iterdir()) == []
    started(monkeypatch, "raise SystemExit(1)", WAITS)
    with pytest.raises(RawtuneError):
        processes.run({"output": str(tmp_path)}, 2, Silent())
    assert list(tmp_path.iterdir()) == []


def test_of_errors_the_first_counts(tmp_path: Path) -> None:
    for time, message in ((7, "lost its peer"), (5, "the cause")):
        error = {"kind": "RawtuneError", "message": message, "hint": "", "time": time}
        (tmp_path / f"error-{time}.json").write_text(json.dumps(error))
    assert processes._failure(tmp_path, [1, 1]).message == "the cause"
    killed = processes._failure(tmp_path, [1, -signal.SIGKILL])
    assert "process 2 of 2 was killed (SIGKILL)" in killed.message
    assert "micro_batch_size" in killed.hint


def test_one_that_fails_without_a_word_is_told_by_its_last_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started(monkeypatch, WAITS, "raise SystemExit('no such library')")
    with pytest.raises(RawtuneError, match="process 2 of 2 failed: no such library"):
        processes.run({"output": str(tmp_path)}, 2, Silent())


@pytest.mark.parametrize(("wanted", "found"), [("auto", 4), (2, 2), (1, 1)])
def test_a_process_drives_a_gpu(monkeypatch: pytest.MonkeyPatch, wanted: int | str, found: int) -> None:
    monkeypatch.setattr(device, "available", lambda: ("cuda", "cpu"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 4)
    assert processes.count(settings(processes=wanted, device="auto")) == found


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"processes": 8}, "no more than 3 of cuda", "training.processes: auto"),
        ({"processes": "auto"}, "is auto, here 3, which does not divide training.batch_size", "a multiple of 3"),
        ({"processes": "auto", "micro_batch_size": 2}, "over micro_batch_size", "a multiple of 6"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str, remedy: str
) -> None:
    monkeypatch.setattr(device, "available", lambda: ("cuda", "cpu"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 3)
    with pytest.raises(UsageError, match=message) as raised:
        processes.count(settings(batch_size=8, device="auto", **changes))
    assert remedy in raised.value.hint


def test_on_a_cpu_auto_is_one_process_and_a_number_is_taken_at_its_word() -> None:
    assert processes.count(settings(processes="auto")) == 1
    assert processes.count(settings(processes=4)) == 4


def test_the_settings_must_share_out_a_step_evenly() -> None:
    with pytest.raises(ValueError, match="processes, times micro_batch_size if that is set, must divide batch_size"):
        settings(processes=2, micro_batch_size=4)


def test_torchrun_is_not_put_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="started rawtune 4 times over") as raised:
        processes.count(settings())
    assert "training.processes: 4" in raised.value.hint

"""A training that is killed outright goes on as if nothing had been."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tests.training.conftest import ROWS

from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.training import runs
from rawtune.training.runs import last_whole_checkpoint
from rawtune.training.trainer import train

SETTINGS = {"learning_rate": 1e-2, "epochs": 5, "batch_size": 2, "checkpoint_steps": 4, "seed": 11}
KILLED_AT = 7
PROGRAM = f"""
import os, signal, sys
from pathlib import Path
from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training.trainer import train

class Killer(Silent):
    def advance(self, done, total, note=""):
        if done == {KILLED_AT}:
            os.kill(os.getpid(), signal.SIGKILL)

train({ROWS!r}, sys.argv[1], Training(**{SETTINGS!r}), Path(sys.argv[2]), Killer())
"""


def test_killed_in_the_middle_it_ends_with_the_same_losses(tiny: Path, tmp_path: Path) -> None:
    whole = train(ROWS, str(tiny), Training(**SETTINGS), tmp_path / "whole", Silent())
    killed = subprocess.run([sys.executable, "-c", PROGRAM, str(tiny), str(tmp_path / "run")], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert last_whole_checkpoint(tmp_path / "run") == tmp_path / "run" / "checkpoint-4"
    assert not (tmp_path / "run" / runs.RECORD).exists()
    resumed = train(ROWS, str(tiny), Training(**SETTINGS), tmp_path / "run", Silent(), resume=True)
    assert resumed.resumed_at == 4
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)  # dropout is on
    ours, theirs = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("run", "whole"))
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in theirs) < 1e-6
    record = json.loads((tmp_path / "run" / runs.RECORD).read_text())
    assert record["settings"]["seed"] == SETTINGS["seed"]

"""One of several training processes: ``python -m rawtune.training.worker FOLDER``, started by ``processes.run``.

FOLDER holds the job and takes ``error-RANK.json`` if it fails. The first process reports on its standard output, each
line a JSON list of a method of ``Progress`` and its arguments.
"""

import json
import os
import pickle
import sys
import time
import traceback
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

from rawtune.config import Training
from rawtune.errors import RawtuneError
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import device, models, trainer
from rawtune.training.processes import EVALUATE, JOB, RENDEZVOUS
from rawtune.training.rows import encode_rows

_BACKENDS = {"cuda": "nccl", "npu": "hccl", "cpu": "gloo"}


class Reporting(Silent):
    """Passes what is shown on to the process that started this one."""

    def __init__(self, channel: TextIO) -> None:
        self._channel = channel

    def say(self, line: str) -> None:
        """Pass it on."""
        self._tell("say", line)

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Pass it on."""
        self._tell("advance", done, total, note)

    def _tell(self, *message: Any) -> None:
        print(json.dumps(message), file=self._channel, flush=True)


def main() -> None:
    """Do this process's part of the job, and leave; whatever fails is written down for the one that waits."""
    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)  # what libraries print is no message
        try:
            _work(folder, rank, Reporting(channel) if rank == 0 else Silent())
        except Exception as error:  # translated by the one that waits
            traceback.print_exc()
            _write_down(error, folder, rank)
            sys.stderr.flush()
            os._exit(1)  # no farewell to a group that may be stuck


def _work(folder: Path, rank: int, progress: Silent) -> None:
    import torch
    from torch import distributed

    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    settings = Training.model_validate(job["settings"])
    on = device.choose(settings.device, device.available(), settings.quantise)
    if on != "cpu":
        torch.accelerator.set_device_index(rank)
    number = int(os.environ["WORLD_SIZE"])
    # A file, not init_method, its address: torch does not decode that, so a folder with 卦 or a space would be lost.
    met = distributed.FileStore(str(folder / RENDEZVOUS), number)  # type: ignore[attr-defined] # it is documented
    distributed.init_process_group(_BACKENDS[on], store=met, rank=rank, world_size=number)
    rows = [Row(question, answer, tuple(map(tuple, history))) for question, answer, history in job["rows"]]
    encoded = encode_rows(rows, models.load_tokenizer(job["model"]), settings)
    evaluate = pickle.loads((folder / EVALUATE).read_bytes())  # noqa: S301 # ours, in a folder for this user alone
    output = Path(job["output"])
    trainer.tune(rows, encoded, job["model"], settings, output, progress, job["ids"], job["draw"], evaluate=evaluate)
    distributed.barrier()  # none leaves while the first still writes
    distributed.destroy_process_group()


def _write_down(error: Exception, folder: Path, rank: int) -> None:
    if isinstance(error, RawtuneError):
        told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    else:
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        told = {"kind": "RawtuneError", "message": f"training process {rank + 1} failed: {reason}", "hint": ""}
    partial = folder / f"error-{rank}.partial"
    partial.write_text(json.dumps({**told, "time": time.time()}), encoding="utf-8")
    partial.replace(folder / f"error-{rank}.json")


def _end_with_parent() -> None:
    sys.stdin.read()  # ends when the other side is gone
    os._exit(1)


if __name__ == "__main__":
    main()

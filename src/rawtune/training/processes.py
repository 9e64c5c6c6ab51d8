"""Training in several processes, one for each GPU: how many, and how they are started, heard and ended.

The processes are ``rawtune.training.worker``; they meet as those of torchrun do, by the same variables of the
environment. They end with this process, however it ends: each reads its standard input, which is never written to.
"""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from rawtune import errors
from rawtune.config import Training
from rawtune.errors import RawtuneError, UsageError
from rawtune.progress import Progress
from rawtune.training import device
from rawtune.training.saving import saving
from rawtune.training.stopping import Evaluate

JOB = "job.json"
EVALUATE = "evaluate.pickle"
RENDEZVOUS = "rendezvous"
_FOLDER = ".processes"
_POLL = 0.1
"""Seconds between two looks at who is still alive."""


def count(settings: Training) -> int:
    """How many processes ``training.processes`` asks for on this machine; ``auto`` is one for each GPU.

    Raises ``UsageError`` if there are fewer GPUs, if a step's rows cannot be shared out evenly, or if this process is
    itself one of several.
    """
    started = os.environ.get("WORLD_SIZE", "1")
    if started != "1":
        raise UsageError(
            f"something like torchrun has started rawtune {started} times over, but it starts its processes itself",
            f"set training.processes: {started}, and run rawtune train without torchrun before it",
        )
    if settings.processes == 1:
        return 1
    import torch

    on = device.choose(settings.device, device.available(), settings.quantise)
    there = torch.accelerator.device_count() if on in ("cuda", "npu") else 1
    wanted = there if settings.processes == "auto" else settings.processes
    if wanted > there and on != "cpu":
        raise UsageError(
            f"training.processes is {wanted}, but there is no more than {there} of {on} here",
            "set training.processes: auto",
        )
    if settings.batch_size % (wanted * (settings.micro_batch_size or 1)):
        rows = "batch_size" if settings.micro_batch_size is None else "batch_size over micro_batch_size"
        raise UsageError(
            f"training.processes is {settings.processes}, here {wanted}, which does not divide training.{rows}",
            f"set training.batch_size to a multiple of {wanted * (settings.micro_batch_size or 1)}",
        )
    return wanted


def run(job: Mapping[str, Any], number: int, progress: Progress, evaluate: Evaluate | None = None) -> None:
    """Have ``job`` done by ``number`` processes; the first of them reports to ``progress``.

    ``evaluate`` goes to them as multiprocessing would send it, pickled.

    The job holds all rows: it lies in its own ``output``, in a folder for this user alone, and is removed in the end.
    If this process was killed, the next to train there removes it.

    Raises what the first process to fail raised, or ``RawtuneError`` if one was killed or failed otherwise. When this
    returns or raises, also for Ctrl-C, none of them is left.
    """
    with _private_folder(Path(job["output"])) as folder:
        with saving(folder):
            (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
            (folder / EVALUATE).write_bytes(pickle.dumps(evaluate))
        with ExitStack() as group:
            workers = []
            for rank in range(number):
                workers.append(group.enter_context(_start(folder, rank, number)))
                group.callback(_end, workers[-1])
            codes = _follow(workers, progress)
        if any(codes):
            raise _failure(folder, codes)


@contextmanager
def _private_folder(output: Path) -> Iterator[Path]:
    folder = output / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    with saving(output):
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, rank: int, number: int) -> "subprocess.Popen[bytes]":
    threads = max(1, (os.cpu_count() or 1) // number)
    ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": number, "LOCAL_WORLD_SIZE": number}
    with _errors_of(folder, rank).open("wb") as stderr:
        return subprocess.Popen(  # noqa: S603 - a module of our own
            [sys.executable, "-P", "-m", "rawtune.training.worker", str(folder)],
            env={"OMP_NUM_THREADS": str(threads)} | os.environ | {key: str(value) for key, value in ranks.items()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if rank == 0 else stderr,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for this process, which then ends them
        )


def _end(worker: "subprocess.Popen[bytes]") -> None:
    """Kill it if it is still there, and wait: at Ctrl-C, Popen itself waits for a quarter of a second only."""
    worker.kill()
    worker.wait()


def _follow(workers: Sequence["subprocess.Popen[bytes]"], progress: Progress) -> list[int]:
    """Pass on what the first process reports until all have ended, or one has failed; 0 for those that did not fail."""
    heard: Queue[list[Any]] = Queue()
    listener = Thread(target=_listen, args=(workers[0].stdout, heard), daemon=True)
    listener.start()
    while True:
        codes = [worker.poll() for worker in workers]
        ended = all(code is not None for code in codes)
        if ended:
            listener.join()
        try:
            while True:
                name, *values = heard.get(timeout=0 if ended else _POLL)
                (progress.say if name == "say" else progress.advance)(*values)
        except Empty:
            if ended or any(codes):
                return [code or 0 for code in codes]


def _listen(stream: IO[bytes], heard: "Queue[list[Any]]") -> None:
    for line in stream:
        heard.put(json.loads(line))


def _failure(folder: Path, codes: Sequence[int]) -> RawtuneError:
    """Why they failed. One that was killed comes first: the others then fail for want of it."""
    for rank, code in enumerate(codes):
        if code < 0:
            return RawtuneError(
                f"training stopped: process {rank + 1} of {len(codes)} was killed ({signal.Signals(-code).name})",
                "if memory ran out, set training.micro_batch_size lower; the same command goes on from the last"
                " checkpoint",
            )
    told = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("error-*.json")]
    if told:
        first = min(told, key=lambda error: float(error["time"]))
        kind: type[RawtuneError] = getattr(errors, first["kind"], RawtuneError)
        return kind(first["message"], first["hint"])
    rank = next(rank for rank, code in enumerate(codes) if code)
    last = _errors_of(folder, rank).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    return RawtuneError(f"training stopped: process {rank + 1} of {len(codes)} failed: {''.join(last)}")


def _errors_of(folder: Path, rank: int) -> Path:
    return folder / f"stderr-{rank}.txt"

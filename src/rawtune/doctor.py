"""Checks of everything a run will need, each with the remedy for its fault."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rawtune import config
from rawtune.errors import RawtuneError
from rawtune.records import Message, Parameters, Request

_EXTRAS = {
    "train": ("torch", "transformers", "peft", "accelerate", "safetensors", "sacrebleu", "scipy", "matplotlib"),
    "embedded": ("xllamacpp", "gguf"),
    "langchain": ("langchain",),
}
_LEAST_DISK = 2  # GB; a small student's checkpoints and reports


class Check(NamedTuple):
    """One thing looked at. ``remedy`` is empty when it is in order."""

    name: str
    found: str
    remedy: str = ""


def examine(folder: Path) -> Iterator[Check]:
    """Look at everything, in the order in which a run would need it; never raises for a fault that it can name."""
    yield Check("python", sys.version.split()[0], "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")
    settings: config.Config | None = None
    if (folder / config.FILE_NAME).exists():
        try:
            settings = config.load(folder)
            yield Check(config.FILE_NAME, "in order")
        except RawtuneError as error:
            yield Check(config.FILE_NAME, error.message, error.hint)
    else:
        yield Check(config.FILE_NAME, "none here; the defaults are tested", "")
        settings = config.Config(name="doctor")
    if settings is None:
        return
    kind = settings.teacher.model.partition(":")[0]
    for extra in ["train", *([kind] if kind in _EXTRAS else [])]:
        yield _libraries(extra)
    if settings.training.quantise == "nf4":
        yield _library("bitsandbytes", "pip install 'rawtune[train]'")
    yield _guarded("teacher", lambda: _ask(settings.teacher, settings.columns))
    yield _guarded("student", lambda: _student(settings.student))
    yield _disk(folder)
    yield _accelerator()


def _library(name: str, remedy: str) -> Check:
    try:
        return Check(name, version(name))
    except PackageNotFoundError:
        return Check(name, "not installed", remedy)


def _libraries(extra: str) -> Check:
    missing = [name for name in _EXTRAS[extra] if find_spec(name) is None]
    if missing:
        return Check(f"extra '{extra}'", f"not installed: {', '.join(missing)}", f"pip install 'rawtune[{extra}]'")
    return Check(f"extra '{extra}'", ", ".join(f"{name} {version(name)}" for name in _EXTRAS[extra]))


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, look())
    except RawtuneError as error:
        return Check(name, error.message, error.hint or "see the message")


def _ask(settings: config.Teacher, columns: tuple[str, str]) -> str:
    """One call of a single token: only a real call shows that address, key and model fit together."""
    from rawtune.llm import open_teacher

    async def call() -> str:
        teacher = open_teacher(settings, columns)
        try:
            message = Message("user", "Say: ok")
            reply = await teacher.complete(Request(settings.model, (message,), Parameters(max_tokens=1)))
        finally:
            await teacher.close()
        return f"{teacher.name} answered in {reply.latency:.2f} s"

    return asyncio.run(call())


def _student(name: str) -> str:
    from rawtune.training.models import resolve

    return f"{name}: {resolve(name)}"


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / 1e9
    return Check("disk", f"{free:.1f} GB free", "" if free >= _LEAST_DISK else f"free at least {_LEAST_DISK} GB")


def _accelerator() -> Check:
    if find_spec("torch") is None:
        return Check("device", "unknown without torch", "pip install 'rawtune[train]'")
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return Check("device", f"{card.name}, {card.total_memory / 1e9:.0f} GB")
    return Check(
        "device", f"CPU, {torch.get_num_threads()} threads: enough for models up to about a billion parameters"
    )

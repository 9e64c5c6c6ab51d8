"""What every stage is given, and what it must tell.

A stage is a module with two functions. ``inputs`` names everything its result depends on, each with a hash: where they
differ from those of its last completed run, the stage is stale, and the names say why. ``run`` does the work.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel

from rawtune.config import Config
from rawtune.ledger.ledger import Ledger
from rawtune.log import Log
from rawtune.progress import Progress
from rawtune.records import content_hash

_WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True, slots=True)
class Work:
    """One project, opened: where it lies, how it is configured, what it remembers, and who watches.

    ``formats`` are those that a dataset is to be written in this time, besides those of the settings.
    """

    folder: Path
    config: Config
    ledger: Ledger
    progress: Progress
    log: Log
    formats: tuple[str, ...] = ()

    def tell(self, line: str) -> None:
        """Say a line to the reader and the log; it must hold no text of passages or replies."""
        self.progress.say(line)
        self.log.write("note", text=line)

    @property
    def student(self) -> str:
        """The student as it can be loaded: a folder named in rawtune.yaml is looked for in the project first."""
        local = self.folder / self.config.student
        return str(local) if local.is_dir() else self.config.student

    @property
    def student_identity(self) -> str:
        """The student and, if it is a folder, what lies in it: other weights in its place are another student.

        Weights are known by name, size and time, since hashing them would take minutes.
        """
        folder = Path(self.student)
        if not folder.is_dir():
            return self.student
        config = folder / "config.json"
        paths = sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern))
        weights = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
        return content_hash([self.student, config.read_text(encoding="utf-8") if config.exists() else "", weights])

    def output(self, stage: str) -> str:
        """Identity of what a stage last put out; empty before its first run."""
        record = self.ledger.stage(stage)
        return record.output if record else ""


class Done(NamedTuple):
    """A completed stage: the identity of what it put out, figures for the reader, and the file or folder it made.

    ``product`` is POSIX, relative to the project; once it is gone, the stage is stale.
    """

    output: str
    summary: dict[str, Any]
    product: str = ""


class Stage(Protocol):
    """The shape of the modules in this package."""

    def inputs(self, work: Work) -> dict[str, str]:
        """Name and hash of everything the result depends on; names are what a reader would call them."""

    def run(self, work: Work) -> Done:
        """Do the work, and return only when all of it is done; raises otherwise, keeping what was done."""


def hash_settings(section: BaseModel, *ignored: str) -> str:
    """Identity of a section of rawtune.yaml, but for settings that do not change the result."""
    return content_hash(section.model_dump(mode="json", exclude=set(ignored)))

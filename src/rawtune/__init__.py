"""Private raw text to a fine-tuned chat model, with proof that it helped."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rawtune.progress import Progress
    from rawtune.project import Project

__all__ = ["Project", "open"]
__version__ = "0.1.0"


def open(folder: "Path | str" = ".", progress: "Progress | None" = None) -> "Project":
    """Open the project in ``folder``; raises ``UsageError`` if there is none, ``ConfigError`` for its faults."""
    from rawtune.project import Project

    return Project(folder, progress)


def __getattr__(name: str) -> Any:
    """Import ``Project`` only when it is asked for, so that ``rawtune --help`` answers at once."""
    if name == "Project":
        from rawtune.project import Project

        return Project
    raise AttributeError(f"module 'rawtune' has no attribute '{name}'")

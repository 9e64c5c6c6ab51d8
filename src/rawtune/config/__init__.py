"""rawtune.yaml, checked: its settings, how it is read, how it is written."""

from rawtune.config.reading import FILE_NAME, load, replaced
from rawtune.config.settings import (
    Config,
    DatasetFormat,
    Passages,
    Price,
    Prompt,
    Section,
    Teacher,
    Training,
    Verification,
    WorkedExample,
)
from rawtune.config.writing import commented

__all__ = [
    "FILE_NAME",
    "Config",
    "DatasetFormat",
    "Passages",
    "Price",
    "Prompt",
    "Section",
    "Teacher",
    "Training",
    "Verification",
    "WorkedExample",
    "commented",
    "load",
    "replaced",
]

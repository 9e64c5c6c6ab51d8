"""LLaMA-Factory's index of a folder of datasets, ``dataset_info.json``, so that it trains on them as they lie there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rawtune.dataset.files import replacing
from rawtune.dataset.formats import ANSWER, FORMATS, QUESTION
from rawtune.errors import UsageError

INDEX = "dataset_info.json"


def add(folder: Path, stem: str, formats: tuple[str, ...], columns: tuple[str, str]) -> None:
    """Name a dataset's files in the index: ``STEM`` for the CSV, ``STEM.alpaca`` for Alpaca, and so on.

    Entries that are there already, of earlier exports or by hand, stay. Raises ``UsageError`` if the index is no JSON
    object.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8-sig")) if path.exists() else {}
    except ValueError:
        index = None
    if not isinstance(index, dict):
        raise UsageError(f"{path}: is not a JSON object", "mend it, or move it away")
    names = {QUESTION: columns[0], ANSWER: columns[1]}
    for name in formats:
        if form := FORMATS[name].llama_factory:
            key = stem if name == "csv" else f"{stem}.{name}"
            index[key] = {"file_name": FORMATS[name].file.format(stem=stem), **form, "columns": _named(form, names)}
    with replacing(path, "utf-8") as file:
        json.dump(index, file, ensure_ascii=False, indent=2)
        file.write("\n")


def _named(form: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    return {key: names.get(value, value) for key, value in form["columns"].items()}

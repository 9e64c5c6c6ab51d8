"""LLaMA-Factory's index of a folder of datasets, ``dataset_info.json``, so that it trains on them as they lie there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rawtune.dataset.files import replacing
from rawtune.dataset.formats import ANSWER, FORMATS, HISTORY, QUESTION, Columns
from rawtune.errors import UsageError

INDEX = "dataset_info.json"


def add(folder: Path, stem: str, formats: tuple[str, ...], columns: Columns) -> None:
    """Name a dataset's files in the index: ``STEM`` for the CSV, ``STEM.alpaca`` for Alpaca, and so on.

    Entries that are there already, of earlier exports or by hand, stay. A CSV with earlier turns is left out: in its
    cells they are text, which LLaMA-Factory would pass over without a word. Raises ``UsageError`` if the index is no
    JSON object.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8-sig")) if path.exists() else {}
    except ValueError:
        index = None
    if not isinstance(index, dict):
        raise UsageError(f"{path}: is not a JSON object", "mend it, or move it away")
    for name in formats:
        if (form := FORMATS[name].llama_factory) and not (columns.history and name == "csv"):
            key = stem if name == "csv" else f"{stem}.{name}"
            index[key] = {"file_name": FORMATS[name].file.format(stem=stem), **form, "columns": _named(form, columns)}
    with replacing(path, "utf-8") as file:
        json.dump(index, file, ensure_ascii=False, indent=2)
        file.write("\n")


def _named(form: Mapping[str, Any], columns: Columns) -> dict[str, str]:
    names = {QUESTION: columns.question, ANSWER: columns.answer}
    earlier = {HISTORY: HISTORY} if columns.history and "prompt" in form["columns"] else {}
    return {key: names.get(value, value) for key, value in form["columns"].items()} | earlier

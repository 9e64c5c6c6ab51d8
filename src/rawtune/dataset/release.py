"""A dataset, released: its rows in every format asked for, and beside them provenance, card and manifest.

Nothing of it is changed afterwards. The manifest is written last and therefore means that the dataset is whole.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rawtune.dataset import card, llama_factory, provenance
from rawtune.dataset.entry import Group
from rawtune.dataset.files import replacing, sha256
from rawtune.dataset.formats import ALWAYS, FORMATS, HELD_OUT, Columns, Open, Write


class Release:
    """One dataset's files, all in ``folder`` and called ``stem`` and what tells them apart.

    ``history`` says whether any of its rows has earlier turns.
    """

    def __init__(
        self, folder: Path, stem: str, columns: tuple[str, str], formats: Sequence[str], history: bool = False
    ) -> None:
        self.folder = folder
        self.stem = stem
        self.columns = Columns(*columns, history)
        self.formats = tuple(formats)
        self._files: list[str] = []

    def write(self, train: Iterable[Group], held_out: Iterable[Group], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write everything; the manifest: counts, hashes, and ``facts``, of which the card is made, too.

        Rows are written as they come; of each distinct answer only a hash is kept. Every file appears under its name
        when it is whole. Raises ``StorageFull``, ``UsageError`` if the folder cannot be written to, or
        ``MissingDependency``.
        """
        about = {"columns": self.columns.names, **self._write_rows(train, held_out), **facts}
        text = card.render(self.stem, about)
        for name in ("{stem}.card.md", *(form.card for form in map(FORMATS.__getitem__, self.formats) if form.card)):
            with self._file(name) as file:
                file.write(text.encode())
        llama_factory.add(self.folder, self.stem, self.formats, self.columns)
        with ThreadPoolExecutor() as pool:  # hashing needs no lock of Python's
            names = sorted(self._files)
            hashes = dict(zip(names, pool.map(sha256, map(self.folder.joinpath, names)), strict=True))
        file, asked = (form.file.format(stem=self.stem) for form in (FORMATS[ALWAYS], HELD_OUT))
        manifest = {
            "file": file,
            "formats": self.formats,
            **about,
            "sha256": hashes[file],
            "held_out_sha256": hashes[asked],
            "files": hashes,
        }
        with replacing(self.folder / f"{self.stem}.manifest.json", "utf-8") as out:
            json.dump(manifest, out, ensure_ascii=False, indent=2)
            out.write("\n")
        return manifest

    def _write_rows(self, train: Iterable[Group], held_out: Iterable[Group]) -> dict[str, Any]:
        forms = [FORMATS[name] for name in self.formats]
        answers: set[int] = set()
        turns = {"multi_turn_rows": 0, "multi_turn_held_out_rows": 0}
        prompts: set[str] = set()

        def note(group: Group) -> None:
            answers.update(map(hash, group.answers))
            prompts.add(group.source.prompt_hash)
            turns["multi_turn_rows"] += len(group.ids) if group.history else 0

        def note_asked(group: Group) -> None:
            turns["multi_turn_held_out_rows"] += len(group.ids) if group.history else 0

        with ExitStack() as stack:

            def open(name: str, form: Open) -> Write:
                return stack.enter_context(form(stack.enter_context(self._file(name)), self.columns))

            source = open("{stem}.provenance.jsonl", provenance.open)
            trained = [open(form.file, form.open) for form in forms]
            asked = [open(HELD_OUT.file, HELD_OUT.open), *(open(f.held_out, f.open) for f in forms if f.held_out)]
            rows = _feed(train, [*trained, source, note])
            held_out_rows = _feed(held_out, [*asked, source, note_asked])
        return {
            "rows": rows,
            "distinct_answers": len(answers),
            "held_out_rows": held_out_rows,
            **turns,
            "prompt": sorted(prompts),
        }

    @contextmanager
    def _file(self, name: str) -> Iterator[Any]:
        """A file of bytes, named in the manifest; its folder is made, and it appears when it is whole."""
        relative = name.format(stem=self.stem)
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            yield file
        self._files.append(relative)


def _feed(groups: Iterable[Group], writes: Sequence[Write]) -> int:
    """Give all rows to each of ``writes``; how many they were."""
    count = 0
    for group in groups:
        for write in writes:
            write(group)
        count += len(group.ids)
    return count

"""Rows that no passage supports, to raw text: the answer, behind its question, becomes a passage of its own.

So a file of rows can be a project's whole text. What was made from nothing but itself is supported by itself, and that
much is all that can be verified of it.
"""

from collections import Counter
from pathlib import Path

from rawtune.dataset.files import replacing
from rawtune.dataset.layout import Turn
from rawtune.dataset.readers import open_rows
from rawtune.records import Severity
from rawtune.stages.belonging import Belonging, Unsupported
from rawtune.stages.importing import unfit
from rawtune.stages.stage import Work
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected


def to_raw(work: Work, path: Path, columns: tuple[str, str] | None) -> None:
    """Add the rows of ``path`` that no passage supports to ``raw/imported-NAME.txt``, each answer once.

    Rows at fault are left out, as their text would spoil what is made of it. Raises ``RawTextError`` if the file cannot
    be used.
    """
    raw = work.folder / "raw" / f"imported-{path.stem}.txt"
    before = raw.read_text(encoding="utf-8-sig").rstrip().split("\n\n") if raw.exists() else []
    known = {sample.partition("\n")[2] for sample in before}
    belonging, checker = Belonging(work, path), Checker(work.config.verification)
    samples: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for record in open_rows(path, columns):
        if unfit(record) or len(record.turns) > 1 or belonging.made(record):
            continue
        try:
            belonging.homes(record)
        except Unsupported:
            turn = record.turns[0]
            answer = _sample(turn.answer)
            if answer in samples or answer in known:
                continue
            if _faulty(work, checker, turn):
                counts["faulty"] += 1
            else:
                samples[answer] = f"{_sample(turn.question)}\n{answer}"
        except ValueError:  # it belongs to several: there is text enough
            continue
    if samples:
        raw.parent.mkdir(exist_ok=True)
        with replacing(raw, "utf-8", like=path if path.is_file() else None) as file:
            file.write("\n\n".join([*before, *samples.values()]) + "\n")
        work.tell(f"{len(samples)} answers became raw text, each behind its question: raw/{raw.name}")
    if counts["faulty"]:
        work.tell(f"{counts['faulty']} answers did not become raw text, as the rules find errors: rawtune check {path}")


def _sample(text: str) -> str:
    """Without blank lines, which would part it into several samples."""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def _faulty(work: Work, checker: Checker, turn: Turn) -> bool:
    language = expected(work.config.language, turn.answer)
    found = checker.check(Row(turn.question, turn.answer, work.config.columns, language=language))
    return any(finding.severity is Severity.ERROR for finding in found)

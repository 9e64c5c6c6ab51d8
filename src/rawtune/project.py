"""One project on disk: its folder, its ledger, what is done and what is stale. Also the Python interface.

import rawtune
project = rawtune.open("my-project")
project.run()
"""

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rawtune import config, pipeline
from rawtune.config import Price
from rawtune.errors import RawtuneError, UsageError
from rawtune.ledger.feedback import Feedback
from rawtune.ledger.ledger import Ledger
from rawtune.llm import price
from rawtune.log import Log
from rawtune.passages import sentences
from rawtune.pipeline import StageState
from rawtune.progress import Progress, Silent
from rawtune.records import Origin, Outcome, Passage, State
from rawtune.sources import text as raw_text
from rawtune.stages import synthesise
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import Trial
from rawtune.synthesis.forecast import Forecast
from rawtune.verification.marks import row_id

if TYPE_CHECKING:  # what only some methods need is imported in them: most of a short run would be imports
    from rawtune.stages.chat import Lineup
    from rawtune.stages.diagnose import Diagnosis
    from rawtune.stages.feedback import Considered
    from rawtune.stages.importing import Imported
    from rawtune.stages.probe import Probe
    from rawtune.training.gguf import Exported
    from rawtune.training.merge import Merged
    from rawtune.training.show import Shown

EXAMPLES = ("zhouyi-en", "zhouyi-zh")


class Project:
    """An opened project; use it in a ``with`` block, or call ``close``."""

    def __init__(self, folder: Path | str = ".", progress: Progress | None = None) -> None:
        self.folder = Path(folder).resolve()
        settings = config.load(self.folder)
        ledger = Ledger(self.folder / ".rawtune" / "ledger.sqlite")
        log = Log(self.folder / ".rawtune" / "log.jsonl")
        self._work = Work(self.folder, settings, ledger, progress or Silent(), log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the ledger."""
        try:
            self._work.log.flush()
        finally:
            self._work.ledger.close()

    @property
    def config(self) -> config.Config:
        """The settings of rawtune.yaml."""
        return self._work.config

    @property
    def price(self) -> Price | None:
        """What the teacher's tokens cost, if that is known."""
        return price(self.config.teacher)

    def status(self) -> list[StageState]:
        """Where every stage stands, in order."""
        return list(pipeline.states(self._work))

    def outcomes(self, *states: State) -> Iterator[tuple[Passage, Outcome]]:
        """Passages with how they ended by the settings of now, in order; only as one of ``states``, if any is named."""
        return self._work.ledger.endings(*states, made_by=[synthesise.made_by(self._work)])

    def quarantine(self) -> Iterator[dict[str, Any]]:
        """The work list: every passage in quarantine or failed, with where it stands, why, and the last raw reply.

        A finding's ``start`` and ``end`` are characters of its ``column``; without a column it speaks of the reply.
        """
        ours = (synthesise.made_by(self._work), "")  # also what is to be asked about anew
        for passage, outcome in self._work.ledger.endings(State.QUARANTINED, State.FAILED, made_by=ours):
            reply = self._work.ledger.exchange(outcome.replies[-1])[1].text if outcome.replies else ""
            yield {
                "passage": passage.id,
                "source": f"{passage.document}:{passage.start}-{passage.end}",
                "state": outcome.state.value,
                "rules": sorted({finding.code for finding in outcome.findings}),
                "reason": outcome.reason,
                "findings": [asdict(finding) for finding in outcome.findings],
                "text": passage.text,
                "reply": reply,
                **self._row(outcome),
            }

    def _row(self, outcome: Outcome) -> dict[str, Any]:
        """The row that verification put in quarantine, and the id by which rawtune.noqa would accept it."""
        if (row := outcome.example) is None:
            return {}
        texts = dict(zip(self.config.columns, (row.concept, row.answer), strict=True))
        return {"row": texts, "id": row_id(row.concept, row.answer)}

    def coverage(self) -> Iterator[tuple[Passage, list[str]]]:
        """Every passage that has a row, with those of its sentences that the row does not draw on."""
        from rawtune.verification.coverage import undrawn

        for passage, outcome in self.outcomes(State.KEPT):
            if outcome.example:
                texts = [passage.text[start:end] for start, end in sentences.spans(passage.text)]
                yield passage, [texts[at] for at in undrawn(texts, outcome.example.answer)]

    def per_file(self) -> list[tuple[str, dict[State | None, int]]]:
        """Each raw file with how many of its passages ended how; None counts those that have not ended yet."""
        return list(self._work.ledger.per_file(synthesise.made_by(self._work)))

    def run(self, until: str = "compare") -> list[str]:
        """Do every stale stage up to and with ``until``, in order; the names of those that ran."""
        with self._alone():
            return pipeline.run(self._work, until)

    def read(self) -> dict[str, Any]:
        """raw/ to passages, the held-out split frozen; the figures.

        Like the methods below, it first does the stages before it that are stale, and nothing if all are current.
        """
        return self._one("read")

    def synthesise(self) -> dict[str, Any]:
        """Passages to rows, through the teacher; the figures."""
        return self._one("synthesise")

    def forget_replies(self) -> None:
        """Let the teacher be asked anew, and paid anew, about all passages but those with a row by hand."""
        with self._alone():
            pipeline.run(self._work, "read")
            synthesise.start_afresh(self._work)

    def pilot(self, size: int) -> Forecast:
        """Make and show the rows of ``size`` more passages, spread over files and lengths; what the rest will take."""
        with self._alone():
            pipeline.run(self._work, "read")
            return synthesise.pilot(self._work, size)

    def reparse(self) -> dict[str, Any]:
        """Read the stored replies again, by the rules of this version, without a call; the figures.

        What would now need another call is left for the next run.
        """
        from rawtune.stages import rework

        with self._taking_up():
            rework.reparse(self._work)
        return self._settled()

    def retry(self, rules: Collection[str] = (), model: str | None = None, task: str | None = None) -> dict[str, Any]:
        """Ask anew about the passages in quarantine, or those with a finding of ``rules``; the figures.

        Rows that a person wrote are left to that person.

        ``model`` and ``task`` stand in for ``teacher.model`` and ``prompt.task``, for this time only.
        """
        from rawtune.stages import rework

        with self._taking_up():
            chosen = [
                passage
                for passage, outcome in self._work.ledger.endings(
                    State.QUARANTINED, State.FAILED, made_by=(synthesise.made_by(self._work), "")
                )
                if (not rules or any(finding.code in rules for finding in outcome.findings))
                and not (outcome.example and outcome.example.origin is Origin.EDITED)
            ]
            if not chosen:
                raise UsageError(
                    f"nothing to ask about: no passage without a row{' has a finding of ' if rules else ''}"
                    f"{' or '.join(rules)}, those aside whose row a person wrote",
                    "see what there is with: rawtune status --quarantine",
                )
            rework.retry(self._work, chosen, config.replaced(self.config, model, task))
        return self._settled()

    def edit(self, rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
        """Take rows that a person wrote, each with ``passage`` and both columns; the figures.

        They pass the same rules. Raises ``GateFailed`` naming those that do not; the others have been taken by then.
        """
        from rawtune.stages import rework

        with self._taking_up():
            rework.edit(self._work, rows)
        return self._settled()

    def import_rows(
        self, path: Path | str, columns: tuple[str, str] | None = None, add_raw: bool = False
    ) -> "Imported":
        """Take the rows of a file as if written by hand; what became of each. See ``rawtune.stages.importing``.

        With ``add_raw``, rows that no passage supports become raw text first. Raises ``RawTextError`` if the file
        cannot be used.
        """
        from rawtune.stages import importing, unsupported

        with self._alone():
            if add_raw:
                if raw_text.files(self.folder):
                    pipeline.run(self._work, "read")
                unsupported.to_raw(self._work, Path(path), columns)
            pipeline.run(self._work, "read")
            self._work.progress.begin("import")
            return importing.take(self._work, Path(path), columns)

    def unasked(self) -> int:
        """How many passages have not come to their end by the settings of now, so that the teacher is to be asked."""
        return synthesise.left(self._work)

    @contextmanager
    def _taking_up(self) -> Iterator[None]:
        """Rows are to change outside the run of their stage."""
        with self._alone():
            pipeline.run(self._work, "read")
            self._work.progress.begin("synthesise")
            yield

    def _settled(self) -> dict[str, Any]:
        """The closing account, if every passage has come to its end; else what is still to do, without doing it."""
        if remaining := synthesise.left(self._work):
            self._work.tell(f"{remaining} passages are still to be asked: rawtune synth")
            return {"left": remaining}
        with self._alone():
            return pipeline.run_stage(self._work, "synthesise")

    def verify(self) -> dict[str, Any]:
        """Rows, judged by all rules; the figures. Raises ``GateFailed`` if too many go into quarantine."""
        return self._one("verify")

    def augment(self) -> dict[str, Any]:
        """Rows to questions; the figures."""
        return self._one("augment")

    def export(self, formats: Collection[str] = ()) -> Path:
        """Write the dataset; the path of its CSV.

        ``formats`` are wanted besides those of the settings: where the dataset of now lacks one, another is written,
        with the same rows. Raises ``UsageError`` for a format that is not known.
        """
        self.run_export(formats)
        return self._product("export")

    def run_export(self, formats: Collection[str] = ()) -> list[str]:
        """As ``export``; the names of the stages that ran."""
        from rawtune.dataset.formats import wanted
        from rawtune.stages import export

        work = replace(self._work, formats=wanted(*formats))
        with self._alone():
            ran = pipeline.run(work, "export")
            if not export.written(work).issuperset(work.formats):
                work.progress.begin("export")
                pipeline.run_stage(work, "export")
                ran.append("export")
        return ran

    def show(self, count: int) -> "Iterator[Shown]":
        """``count`` rows of the dataset as they would be trained on, with only the student's tokenizer loaded.

        First does the stages up to export that are stale. Raises ``UsageError`` where training would.
        """
        from rawtune.stages import train

        with self._alone():
            pipeline.run(self._work, "export")
            self._work.progress.begin("train")
            yield from train.show(self._work, count)

    def train(self) -> Path:
        """Tune the student on the dataset; the adapter's folder."""
        self._one("train")
        return self._product("train")

    def compare(
        self, adapters: Collection[Path | str] = (), retrieval: bool = False, endpoints: Collection[str] = ()
    ) -> Path:
        """Ask base, tuned model and others the same questions; the path of the page, its figures beside it as JSON.

        With nothing named it is the stage: the adapter trained last, and whom ``comparison`` in the settings names.
        Else it is a comparison beside the stage, into a report of its own: ``adapters`` are folders (default: the last
        one), ``retrieval`` asks base with the passage at hand, and ``endpoints`` are models named like the teacher.
        Raises ``UsageError`` for an adapter of another student, ``IsolationError`` if base was changed by one.
        """
        from rawtune.stages import compare

        if not (adapters or retrieval or endpoints):
            self._one("compare")
            return self._product("compare")
        folders = [Path(path) for path in adapters]
        compare.check(self._work, folders, list(endpoints))
        with self._alone():
            pipeline.run(self._work, "export" if adapters else "train")
            self._work.progress.begin("compare")
            return compare.beside(self._work, folders, retrieval, list(endpoints))

    def merge(self, adapter: Path | str | None = None, into: Path | str | None = None) -> "Merged":
        """Merge an adapter, the last one if none is named, into its base; see ``rawtune.training.merge``.

        What is written is compared by questions of the newest dataset. ``into`` is ``ADAPTER-merged`` if left out.
        """
        from rawtune.stages import train
        from rawtune.training import merge

        folder = Path(adapter) if adapter else self._last_adapter()
        output = Path(into) if into else merge.default_folder(folder)
        with self._alone():
            questions = train.some_questions(self._work) or merge.PROBES
            return merge.merge(folder, output, self._work.progress, questions)

    def export_model(
        self, ollama: bool = False, converter: Path | None = None, merged: Path | str | None = None
    ) -> "Exported":
        """A merged model, that of the last adapter if none is named, as GGUF; see ``rawtune.training.gguf.export``."""
        from rawtune.training import gguf, merge

        folder = Path(merged) if merged else merge.default_folder(self._last_adapter())
        with self._alone():
            return gguf.export(folder, ollama, converter, self._work.progress)

    def _last_adapter(self) -> Path:
        record = self._work.ledger.stage("train")
        if record is None:
            raise UsageError("nothing was trained yet", "train with: rawtune train; or name an adapter's folder")
        return self.folder / record.product

    def probe(self, questions: Sequence[str] = (), concepts: int = 16) -> "Probe":
        """What the base model knows of the raw text already; see ``rawtune.stages.probe``. No teacher is asked.

        Asks ``questions``, or if there are none about ``concepts`` passages, twice each.
        """
        from rawtune.stages import probe

        with self._alone():
            pipeline.run(self._work, "read")
            self._work.progress.begin("probe")
            return probe.probe(self._work, questions, concepts)

    def chat(
        self, adapters: Collection[Path | str] = (), base: bool = True, endpoints: Collection[str] = ()
    ) -> "Lineup":
        """Models to talk with, loaded: base, adapters (default: the one trained last) and endpoints.

        Raises ``UsageError`` for an adapter of another student, or if nobody is left.
        """
        from rawtune.stages import chat

        return chat.open_lineup(self._work, [Path(path) for path in adapters], base, list(endpoints))

    def keep_feedback(self, given: Feedback) -> None:
        """Store a verdict on an answer, instead of an earlier one on the same."""
        self._work.ledger.save_feedback(given)

    def feedback(self) -> list[Feedback]:
        """All verdicts on answers, the oldest first, each with what became of it."""
        return self._work.ledger.feedback()

    def take_feedback(self) -> "Considered":
        """Verdicts to rows, taken in by the next ``augment``; what became of each. See ``rawtune.stages.feedback``."""
        from rawtune.stages import feedback

        with self._alone():
            pipeline.run(self._work, "read")
            self._work.progress.begin("feedback")
            return feedback.take(self._work)

    def diagnose(self, run: Path | str | None = None) -> "Diagnosis":
        """Read the losses of a run, the last one if none is named; see ``rawtune.stages.diagnose``."""
        from rawtune.stages import diagnose

        if run is None:
            record = self._work.ledger.stage("train")
            if record is None:
                raise UsageError("nothing was trained yet", "train with: rawtune train; or name a run")
            run = self.folder / record.product
        return diagnose.diagnose(Path(run), self._work)

    def quarantine_suspects(self, diagnosis: "Diagnosis") -> int:
        """Put the passages of rows that stand out into quarantine; how many. The next ``run`` asks about them anew."""
        from rawtune.stages import diagnose

        with self._alone():
            return diagnose.quarantine(self._work, diagnosis)

    def attempt(self, number: int) -> Trial:
        """Try the prompt on one passage, counted from 1; reads the raw text first if it changed."""
        with self._alone():
            pipeline.run(self._work, "read")
            return synthesise.attempt(self._work, number)

    def _one(self, stage: str) -> dict[str, Any]:
        self.run(stage)
        record = self._work.ledger.stage(stage)
        return record.summary if record else {}

    def _product(self, stage: str) -> Path:
        record = self._work.ledger.stage(stage)
        if record is None:
            raise RawtuneError(f"{stage} has not run", "call project.run()")
        return self.folder / record.product

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the project's lock: two runs at once would write the same rows."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".rawtune" / "lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(
                f"another run is at work in {self.folder}", "wait for it, or end it, and try again"
            ) from None


def create(
    folder: Path,
    example: str | None = None,
    source: Path | None = None,
    limit: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Make a project folder: rawtune.yaml and raw/, with an example's text, the user's file, or nothing yet.

    ``limit`` takes only the first samples of an example; ``settings`` differ from the defaults. Raises ``UsageError``
    if the folder holds a project, if the example is unknown, or if the file cannot be used, as one that is empty or not
    UTF-8.
    """
    name = re.sub(r"[^\w.-]", "-", folder.resolve().name).lstrip(".-") or "project"
    if folder.is_file() or any((folder / used).exists() for used in (config.FILE_NAME, "raw")):
        raise UsageError(f"{folder} is a file, or holds a project already", "choose another name")
    texts: dict[str, str] = {}
    if example is not None:
        if example not in EXAMPLES:
            raise UsageError(f"there is no example '{example}'", f"choose one of: {', '.join(EXAMPLES)}")
        text = files("rawtune").joinpath(f"examples/{example}/raw/hexagrams.txt").read_text(encoding="utf-8")
        texts["hexagrams.txt"] = "\n\n".join(text.split("\n\n")[:limit])
    if source is not None:
        texts = {}
        if not source.is_file():
            raise UsageError(f"{source}: there is no such file", "give the path of a UTF-8 text file")
        if source.suffix != ".txt":
            raise UsageError(f"{source}: not a .txt file", "save it as UTF-8 text, samples separated by blank lines")
        for _ in raw_text.read(source.parent, [source]):  # as the stage will: better told now than after it was copied
            pass
    raw = folder / "raw"
    raw.mkdir(parents=True)
    for file, text in texts.items():
        (raw / file).write_text(text, encoding="utf-8")
    if source is not None:
        shutil.copy(source, raw / source.name)
    language = raw_text.language(folder) or "en"
    text = config.commented(name=name, language=language, **(settings or {}))
    (folder / config.FILE_NAME).write_text(text, encoding="utf-8")
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(".rawtune/\nmodels/\n", encoding="utf-8")
    return folder

"""How long an export takes beside pandas' ``to_csv`` on the same rows, and how much memory.

usage: python benchmarks/export.py --pandas-python PATH [--rows N ...] [--to FORMAT,...] [--runs N]

A project's ledger is filled with questions of the packaged corpora: passages of half a page, answers of three of their
sentences, twenty questions each and five that are only asked, half Chinese, half English; a tenth of the concepts is
held out. Then, in turns, the export stage writes the dataset from the ledger (the test for leaks, CSV, held-out
questions, provenance, card, hashes, manifest; all of it on the disk), and pandas writes the two columns of the rows to
train on, which it holds in memory, as CSV with a byte-order mark. Each is timed within its process, so that neither
start-up nor pandas' reading counts; the medians are shown. Memory is the largest resident set of the process that
exports. pandas needs an environment of its own:

    python -m venv peer
    peer/bin/pip install pandas
    python benchmarks/export.py --pandas-python peer/bin/python
"""

import argparse
import multiprocessing
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from corpora import corpora

from rawtune import project
from rawtune.ledger.ledger import Ledger, StageRecord
from rawtune.project import Project
from rawtune.records import Example, Origin, Outcome, Passage, Split, State, Suite, content_hash
from rawtune.stages import export

QUESTIONS, ASKED = 20, 5
PANDAS = """
import sys, time
import pandas
rows = pandas.read_csv(sys.argv[1], encoding="utf-8-sig", keep_default_na=False)
started = time.perf_counter()
rows.to_csv(sys.argv[2], index=False, encoding="utf-8-sig")
print(time.perf_counter() - started)
"""


def fill(folder: Path, count: int) -> None:
    """A project with ``count`` training rows, as if all stages up to augment had run."""
    project.create(folder, settings={"teacher": {"model": "scripted:"}})
    chance, both = random.Random(0), corpora()
    passages, outcomes, questions = [], [], []
    trained = 0
    while trained < count:
        number = len(passages)
        corpus = both[number % 2]
        concepts = list(corpus.sentences)
        concept = chance.choice(concepts)
        held_out = concept in concepts[::10]  # a whole concept: its sentences stand in no answer to train on
        text = corpus.space.join(chance.choices(corpus.sentences[concept], k=6))
        answer = corpus.space.join(chance.choices(corpus.sentences[concept], k=3))
        passage = Passage(content_hash(number), "raw/book.txt", "0" * 64, number, number + len(text), text)
        id = content_hash([passage.id, answer])
        split = Split.HELD_OUT if held_out else Split.TRAIN
        row = Example(
            id, passage.id, split, concept, concept, answer, Origin.WRITTEN, "scripted:", content_hash("prompt")
        )
        passages.append(passage)
        outcomes.append(Outcome(passage.id, State.KEPT, row))
        suites: list[Suite | None] = (
            [Suite.CONCEPT] * ASKED if held_out else [None] * QUESTIONS + [Suite.PHRASING] * ASKED
        )
        for at, suite in enumerate(suites):
            line = f"{at + 1}. {corpus.templates[at % len(corpus.templates)]}"
            varied = replace(row, id=content_hash([id, line]), question=line.replace("{concept}", concept))
            questions.append(replace(varied, parent=id, template=line, suite=suite))
        trained += suites.count(None)
    ledger = Ledger(folder / ".rawtune" / "ledger.sqlite")
    ledger.save_passages(passages)
    ledger.save([], outcomes, "benchmark")
    ledger.save_questions(questions)
    for stage in ("read", "verify"):
        ledger.save_stage(stage, StageRecord({}, "", "", {}, 0, ""))
    ledger.close()


def export_once(folder: Path, formats: tuple[str, ...]) -> tuple[float, float, Path]:
    """Seconds, this process's peak of memory (MB), and the CSV of one export."""
    with Project(folder) as opened:
        started = time.perf_counter()
        done = export.run(replace(opened._work, formats=formats))
        seconds = time.perf_counter() - started
    unit = 2**20 if sys.platform == "darwin" else 1024
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, folder / done.product


def pandas_once(python: str, csv: Path) -> float:
    """Seconds that pandas takes for the same rows."""
    copy = csv.with_name("pandas.csv")
    told = subprocess.run([python, "-c", PANDAS, csv, copy], check=True, capture_output=True, text=True).stdout
    if not 0.9 < copy.stat().st_size / csv.stat().st_size < 1.1:
        raise SystemExit("pandas wrote other rows")
    return float(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pandas-python", required=True, help="Python of an environment that holds pandas")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--to", default="", help="formats besides the CSV; pandas writes the CSV alone")
    options = parser.parse_args()
    formats = tuple(filter(None, options.to.split(",")))
    print(f"{'rows':>9} {'export s':>9} {'pandas s':>9} {'ratio':>6} {'MB':>6}")
    for count in options.rows:
        # A process for each task, so that the memory shown is the export's alone.
        fresh = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
        with tempfile.TemporaryDirectory() as parent, fresh:
            folder = Path(parent, "project")
            fresh.submit(fill, folder, count).result()
            own, memory, peer = [], [], []
            for _ in range(options.runs):
                seconds, peak, csv = fresh.submit(export_once, folder, formats).result()
                own.append(seconds)
                memory.append(peak)
                peer.append(pandas_once(options.pandas_python, csv))
        ours, theirs = statistics.median(own), statistics.median(peer)
        print(f"{count:>9} {ours:>9.2f} {theirs:>9.2f} {ours / theirs:>6.2f} {max(memory):>6.0f}", flush=True)


if __name__ == "__main__":
    main()

"""How long `rawtune check` takes, and how much memory, beside three filters of Data-Juicer on the same rows.

usage: python benchmarks/check_speed.py [--rows N] [--runs N] [--peer-python PATH [--peer-processes N]]

The rows are questions with answers of about 500 characters, half Chinese, half English: sentences of the packaged
corpora in an order of chance. We check them by all rules of form, language, duplicates and leakage, in two processes
where there are two processors; the peer measures text length, special characters and character repetition of the
answers alone, keeps its caches as it does by default, and writes no result. Both read the file and are timed as whole
processes, in turns; the medians are shown. Memory is the largest resident set of any one process, so the peer's is a
lower bound where it uses several.

The peer needs an environment of its own (it installs PyTorch by itself, some gigabytes, when first run):

    python -m venv peer
    peer/bin/pip install py-data-juicer==1.6.1 aiohttp
    python benchmarks/check_speed.py --peer-python peer/bin/python
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from corpora import Corpus, corpora

RAWTUNE = str(Path(sys.executable).with_name("rawtune"))
PEER = str(Path(__file__).with_name("peer_data_juicer.py"))
CHARACTERS = 500


class Cost(NamedTuple):
    """What one process took: seconds on the clock, and mebibytes of memory at its peak."""

    seconds: float
    memory: float


def rows(count: int) -> Iterator[dict[str, str]]:
    """The same rows for the same count, taking turns between the languages."""
    chance = random.Random(0)
    both = [(corpus, [s for part in corpus.sentences.values() for s in part]) for corpus in corpora()]
    for number in range(count):
        corpus, pool = both[number % 2]
        concept = chance.choice(list(corpus.sentences))
        template = chance.choice(corpus.templates).replace("{concept}", concept)
        question = chance.choice(pool) + corpus.space + template
        yield {"concept": concept, "question": question, "answer": _answer(chance, corpus, pool)}


def _answer(chance: random.Random, corpus: Corpus, pool: list[str]) -> str:
    answer = chance.choice(pool)
    while len(answer) < CHARACTERS:
        sentence = chance.choice(pool)
        if len(answer) + len(sentence) / 2 > CHARACTERS:
            break
        answer += corpus.space + sentence
    return answer


def cost(command: list[str], folder: str) -> Cost:
    """Run a command to its end; findings (exit code 1) are no failure of it."""
    cache = tempfile.mkdtemp(dir=folder)  # anew for each run: the peer would find the last run's results in it
    started = time.perf_counter()
    with Path(folder, "output.txt").open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env=os.environ | {"HF_HOME": cache}
        )
        _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"exit code {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - started, usage.ru_maxrss * unit / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-python", help="Python of an environment that holds py-data-juicer")
    parser.add_argument("--peer-processes", type=int, default=os.cpu_count(), help="default: one for each core")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.jsonl")
        lengths = []
        with file.open("w", encoding="utf-8") as out:
            for row in rows(given.rows):
                lengths.append(len(row["answer"]))
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(f"{given.rows} rows, {statistics.mean(lengths):.0f} characters an answer, runs: {given.runs}", flush=True)
        commands = {"rawtune check": [RAWTUNE, "check", str(file), "--json", "--select", "RT1,RT3,RT4,RT5"]}
        if given.peer_python:
            commands["Data-Juicer"] = [given.peer_python, PEER, str(file), str(given.peer_processes)]
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(given.runs):
            for name, command in commands.items():
                costs[name].append(cost(command, folder))
                print(f"  {name}: {costs[name][-1].seconds:.1f} s", flush=True)
    medians = {name: statistics.median(c.seconds for c in each) for name, each in costs.items()}
    for name, each in costs.items():
        print(f"{name:14} {medians[name]:7.1f} s {max(c.memory for c in each):7.0f} MiB")
    if given.peer_python:
        print(f"ratio {medians['rawtune check'] / medians['Data-Juicer']:.2f} (target: at most 0.50)")


if __name__ == "__main__":
    main()

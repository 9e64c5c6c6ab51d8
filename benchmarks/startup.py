"""How long `rawtune --help` takes, as a multiple of `python -c pass`; the medians of alternating runs.

usage: python benchmarks/startup.py [RUNS]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RAWTUNE = str(Path(sys.executable).with_name("rawtune"))


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    pairs = [(seconds([RAWTUNE, "--help"]), seconds([sys.executable, "-c", "pass"])) for _ in range(runs + 1)][1:]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"rawtune --help {ours * 1000:.0f} ms, python -c pass {bare * 1000:.0f} ms, ratio {ratio:.1f}")


main()

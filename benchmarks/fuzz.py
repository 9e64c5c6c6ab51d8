"""Throw mutated bytes at what reads text from outside, guided by the coverage of its code, and count what breaks.

usage: python benchmarks/fuzz.py TARGET [SECONDS]

TARGET is one of: parser (a teacher's reply), readers (a dataset file of any kind). Needs atheris, which is no
dependency of rawtune: python -m venv FOLDER; FOLDER/bin/pip install atheris; then install rawtune there, too.

A run that raises, or returns what it must not, is printed with its bytes, and counted as a crash. A run of more than
five seconds is a hang, at which the fuzzer stops.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

COLUMNS = ("content", "summary")
SEEDS = {
    "parser": [
        'content:"Meng"\nsummary:"Meng is youth."',
        "**content**：“蒙卦”\n**summary**：“他说：“走。””",
        'Here:\n```json\n{"content": "Meng", "summary": "Youth."}\n```\nBye!',
        "｛'content'：\"Meng\"，“summary”：“启蒙。”，｝",
        '<think>x</think>content:"a", summary:"b."\nsource:"c"',
        "content: a\nsummary: b.\n\nI am sorry",
    ],
    "readers": [
        'content,summary\nMeng,"Youth, ""so"""\n',
        '{"instruction": "a", "input": "", "output": "蒙卦"}\n',
        '[{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}]',
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n',
    ],
}
WORDS = (
    '"content" "summary" "Content" "```json\\x0a" "```" "</think>" "<think>" "source:" "\\x0a\\x0a" "messages" "role"'
)


def parser() -> Callable[[bytes], None]:
    with atheris.instrument_imports(include=["rawtune.synthesis"]):
        from rawtune.synthesis.reply import parse

    def run(data: bytes) -> None:
        parsed = parse(data.decode("utf-8", "surrogateescape"), COLUMNS, example_answer="example")
        if parsed.faults:
            assert not parsed.concept
            assert not parsed.answer
        else:
            assert parsed.concept.strip()
            assert parsed.answer.strip()
            (parsed.concept + parsed.answer).encode()

    return run


def readers() -> Callable[[bytes], None]:
    with atheris.instrument_imports(include=["rawtune.dataset"]):
        from rawtune.dataset.readers import open_rows
        from rawtune.errors import RawtuneError
    folder = Path(tempfile.mkdtemp(prefix="rawtune-fuzz-"))
    kinds = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

    def run(data: bytes) -> None:
        path = folder / f"rows{kinds[data[0] % len(kinds)] if data else '.csv'}"
        path.write_bytes(data[1:])
        with contextlib.suppress(RawtuneError):  # a file that cannot be read is refused in words
            for _ in open_rows(path):
                pass

    return run


TARGETS = {"parser": parser, "readers": readers}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    name = sys.argv[1]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    run = TARGETS[name]()
    corpus = Path(tempfile.mkdtemp(prefix="rawtune-fuzz-"))
    for i, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{i}").write_bytes((b"" if name == "parser" else bytes([i])) + seed.encode())
    words = corpus.with_suffix(".words")
    words.write_text("\n".join(WORDS.split(" ")) + "\n")
    started = time.monotonic()
    runs = crashes = 0
    slowest = 0.0

    def once(data: bytes) -> None:
        nonlocal runs, crashes, slowest
        begun = time.perf_counter()
        try:
            run(data)
        except Exception as error:
            crashes += 1
            if crashes <= 5:
                print(f"crash: {type(error).__name__}: {error}\n  {data!r}", flush=True)
        slowest = max(slowest, time.perf_counter() - begun)
        runs += 1
        if time.monotonic() - started > seconds:
            # libFuzzer's own limit ends the process without a word from Python.
            print(
                f"{name}: {runs} runs in {seconds} s, {crashes} crashes, the slowest {slowest * 1000:.0f} ms",
                flush=True,
            )
            os._exit(1 if crashes else 0)

    options = ["-max_len=20000", "-timeout=5", "-verbosity=0", "-seed=1", f"-dict={words}"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


main()

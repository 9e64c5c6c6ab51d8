"""rawtune as one process for a synthesis bench: passages from a file, rows to a file, through the Python interface.

    python benchmarks/synth_driver.py --input IN.jsonl --output OUT.jsonl --workdir DIR --base-url URL \
        --concurrency 256 --timeout 10

Each line of the input is {"id", "passage"}; of the output {"id", "content", "summary"}, or {"id", "error"} where no row
came of it. DIR is a project; called again after a kill, it goes on from there. Exit code 0 says that every passage came
to its end and that no gate said no.
"""

import argparse
import json
import sys
from pathlib import Path

import rawtune
from rawtune import config, project
from rawtune.errors import RawtuneError
from rawtune.records import State

_PASSAGES_A_FILE = 1_000


def make_project(folder: Path, passages: Path, options: argparse.Namespace) -> None:
    """What a user would do by hand: raw text, and the endpoint in rawtune.yaml, the last file to be written."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    chunk: list[str] = []
    number = 0
    with passages.open(encoding="utf-8") as lines:
        for line in lines:
            chunk.append(json.loads(line)["passage"])
            if len(chunk) == _PASSAGES_A_FILE:
                (raw / f"{number:06d}.txt").write_text("\n\n".join(chunk), encoding="utf-8")
                chunk, number = [], number + 1
    if chunk:
        (raw / f"{number:06d}.txt").write_text("\n\n".join(chunk), encoding="utf-8")
    teacher = {
        "model": f"{'langchain:' if options.variant == 'langchain' else ''}openai:gpt-4o-mini",
        "base_url": options.base_url,
        "concurrency": options.concurrency,
        "timeout": options.timeout,
    }
    # The right answers of a bench may be random text, cut at a count of characters: some break off in mid-sentence.
    rules = {"severity": {"RT106": "warning"}}
    settings = {"teacher": teacher, "passages": {"max_tokens": 1024}, "verification": rules}
    (folder / config.FILE_NAME).write_text(config.commented(name="bench", language="zh", **settings), encoding="utf-8")


def write_rows(opened: project.Project, passages: Path, output: Path) -> None:
    """Rows under the ids of the input, in its order; both files and the outcomes are read side by side."""
    with passages.open(encoding="utf-8") as lines, output.open("w", encoding="utf-8") as rows:
        for line, (passage, outcome) in zip(lines, opened.outcomes(), strict=True):
            given = json.loads(line)
            if given["passage"] != passage.text:
                raise SystemExit(f"{given['id']}: the passages are not those of the input")
            row = {"id": given["id"]}
            if outcome.state is State.KEPT and outcome.example:
                row |= {"content": outcome.example.question, "summary": outcome.example.answer}
            else:
                row["error"] = outcome.reason
            rows.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--variant", default="", help="langchain: that teacher instead")
    parser.add_argument("--import-only", action="store_true")
    options = parser.parse_args()
    if options.import_only:
        return 0
    if not (options.workdir / config.FILE_NAME).exists():
        make_project(options.workdir, options.input, options)
    with rawtune.open(options.workdir) as opened:
        code = 0
        try:
            print(opened.synthesise())
        except RawtuneError as error:
            print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
            code = error.exit_code
        write_rows(opened, options.input, options.output)
    return code


if __name__ == "__main__":
    sys.exit(main())

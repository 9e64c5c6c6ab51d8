"""What more question forms of each answer are worth at equal steps, on the embedded student.

usage: python benchmarks/variants.py [--variants 1 3 5 10 20] [--seeds N] [--concepts N] [--steps N]
                                     [--keep FILE] [--plot FILE]

Each concept of the packaged corpus has one answer, a sentence of its text, the same in all runs. The student is trained
on that answer with its first 1, 3, 5, ... question forms, as `augmentation.variants` draws them, so that fewer are a
part of more. Each run has as many steps: fewer forms are repeated more often. The last line has the most forms with
`augmentation.draw: per_epoch`, which trains each answer once in an epoch. Then the held-out question forms are asked
(the phrasing suite): `right` is the share of answers that are closest to their own concept's, `chrF` their likeness to
it, both as in the report. Seeds decide the adapter's first weights and the order of the rows.

The runs of a seed come before those of the next. With ``--keep`` each is written down as it ends, and a benchmark that
was broken off goes on from there; how long the rest will take is told after each.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from corpora import corpora

from rawtune.augmentation import questions, variants
from rawtune.comparison.answers import answer
from rawtune.comparison.metrics import score
from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Answer, Row, Suite
from rawtune.training import models, tokens
from rawtune.training.trainer import train

STUDENT = "embedded:smollm2"
_TEMPLATES = questions.load("en")
_LENGTHS = 80, 220
"""Characters of an answer: long enough to tell something, short enough to be learnt soon."""
_ALIKE = ("trigram of", "From bottom to top", "Book of Changes")
"""What stands in sentences that all concepts have, but for a word or two."""


class Run(NamedTuple):
    """What one run is: all that decides its result, but for the machine."""

    concepts: int
    steps: int
    batch: int
    forms: int
    """Question forms of each answer; 0: the base model, untrained."""
    draw: str
    seed: int


class Result(NamedTuple):
    """Of one run: the share of right concepts, 0 to 1, the mean chrF, 0 to 100, and how long it took."""

    right: float
    chrf: float
    seconds: float


def facts(count: int) -> dict[str, str]:
    """The answer of each of the first ``count`` concepts: a sentence of fitting length that only this text has."""
    english = next(corpus for corpus in corpora() if corpus.language == "en")
    shortest, longest = _LENGTHS
    found = {}
    for concept, parts in english.sentences.items():
        fit = [part for part in parts if shortest <= len(part) <= longest and not any(same in part for same in _ALIKE)]
        if fit and len(found) < count:
            found[concept] = fit[0]
    return found


def rows(answers: dict[str, str], forms: int, visits: int) -> list[Row]:
    """Each answer ``visits`` times, its first ``forms`` questions in turn."""
    return [
        Row(order[visit % forms].replace(questions.PLACEHOLDER, concept), text)
        for concept, text in answers.items()
        for order in [variants.order(_TEMPLATES.to_train, concept)]
        for visit in range(visits)
    ]


def asked(answers: dict[str, str], adapter: Path | None) -> tuple[float, float]:
    """Right concepts and chrF on the phrasing suite, answered by the student with the adapter, or without any."""
    model, tokenizer = models.load(STUDENT)
    if adapter:
        model = models.with_adapter(model, adapter)
    suite = [(line.replace(questions.PLACEHOLDER, name), name) for line in _TEMPLATES.held_out for name in answers]
    prompts = [tokens.prompt_ids(tokenizer, question) for question, _ in suite]
    said = answer(model, tokenizer, prompts, max_new_tokens=48, batch_size=64)
    scores = score(
        [
            Answer("", Suite.PHRASING, name, question, answers[name], text, name)
            for (question, name), text in zip(suite, said, strict=True)
        ]
    )
    return fmean(one.identified for one in scores), fmean(one.chrf for one in scores)


def trained(run: Run, answers: dict[str, str]) -> tuple[float, float]:
    """Train, and ask. Of ``per_epoch`` an epoch is one visit of each answer; written out, all visits are one epoch."""
    visits = run.steps * run.batch // run.concepts
    by_epoch = run.draw == "per_epoch"
    settings = Training(epochs=visits if by_epoch else 1, batch_size=run.batch, seed=run.seed, checkpoint_steps=100_000)
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder, "adapter")
        made = rows(answers, run.forms, run.forms if by_epoch else visits)
        done = train(made, STUDENT, settings, adapter, Silent(), draw=run.draw)
        if done.steps != run.steps:
            raise SystemExit(f"{done.steps} steps where {run.steps} were to be trained")
        gc.collect()  # the model and its trainer hold on to each other
        return asked(answers, adapter)


def results(runs: Sequence[Run], answers: dict[str, str], keep: Path | None) -> dict[Run, Result]:
    """The result of each run, from ``keep`` if it stands there."""
    found = {}
    if keep and keep.exists():
        kept = map(json.loads, keep.read_text(encoding="utf-8").splitlines())
        found = {Run(**line["run"]): Result(**line["result"]) for line in kept}
    for run in runs:
        if run in found:
            continue
        started = time.perf_counter()
        right, chrf = trained(run, answers) if run.forms else asked(answers, None)
        found[run] = Result(right, chrf, time.perf_counter() - started)
        if keep:
            with keep.open("a", encoding="utf-8") as file:
                print(json.dumps({"run": run._asdict(), "result": found[run]._asdict()}), file=file)
        print(f"{run}: {right:.0%}; {ahead(runs, found)}", file=sys.stderr, flush=True)
    return found


def ahead(runs: Sequence[Run], found: dict[Run, Result]) -> str:
    """How many runs are left, and how long they will take if they take as long as those before them."""
    left = sum(run not in found for run in runs)
    took = [found[run].seconds for run in runs if run.forms and run in found]
    return f"{left} to go" + (f", some {fmean(took) * left / 60:.0f} min" if took else "")


def line(name: str, results: Sequence[Result]) -> str:
    """Mean and range over seeds."""
    right, chrf = ([result[at] for result in results] for at in (0, 1))
    return (
        f"{name:16}{fmean(right):7.0%}  {f'{min(right):.0%} to {max(right):.0%}':16}"
        f"{fmean(chrf):6.1f}  {min(chrf):.1f} to {max(chrf):.1f}"
    )


def plot(table: dict[int, list[Result]], drawn: list[Result], base: Result, file: Path, about: str) -> None:
    """The mean share of right concepts over the number of forms, with the range over seeds."""
    import matplotlib.pyplot as plt

    counts = list(table)
    shares = [[100 * result.right for result in table[count]] for count in counts]
    each = [100 * result.right for result in drawn]
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.fill_between(counts, [min(share) for share in shares], [max(share) for share in shares], alpha=0.2)
    axes.plot(counts, [fmean(share) for share in shares], marker="o", label="written out: mean and range over seeds")
    reach = [[fmean(each) - min(each)], [max(each) - fmean(each)]]
    axes.errorbar(counts[-1:], [fmean(each)], reach, fmt="s", capsize=4, label="drawn per epoch: mean and range")
    axes.axhline(100 * base.right, color="grey", linestyle=":", label="base")
    axes.set(xlabel="question forms of each answer", ylabel="right concept, %", ylim=(0, 100), xticks=counts)
    axes.set_title(about, fontsize=9)
    axes.legend(fontsize=8, loc="lower right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, nargs="+", default=[1, 3, 5, 10, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--concepts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8, help="rows of a step")
    parser.add_argument("--plot", type=Path, help="draw the table into this PNG")
    parser.add_argument("--keep", type=Path, help="a file of JSON lines: a run that stands there is not made again")
    given = parser.parse_args()
    answers = facts(given.concepts)
    counts, most = sorted(given.variants), max(given.variants)
    if given.steps * given.batch % len(answers) or len(answers) % given.batch:
        parser.error("batch must divide concepts, so that each answer is visited as often, drawn either way")
    if most > given.steps * given.batch // len(answers):
        parser.error(f"{given.steps} steps visit an answer too seldom to train {most} forms of it")

    def run(forms: int, draw: str, seed: int) -> Run:
        return Run(len(answers), given.steps, given.batch, forms, draw, seed)

    untrained = run(0, "none", 0)
    ways = [*((forms, "written_out") for forms in counts), (most, "per_epoch")]
    runs = [untrained, *(run(*way, seed) for seed in range(given.seeds) for way in ways)]
    found = results(runs, answers, given.keep)
    seeds = {way: [found[run(*way, seed)] for seed in range(given.seeds)] for way in ways}
    about = f"{len(answers)} concepts, {given.steps} steps of {given.batch} rows, {given.seeds} seeds"
    print(f"{about}; a guess is right in 1 of {len(answers)}\n")
    print(f"{'question forms':16}{'right':>7}  {'range':16}{'chrF':>6}  range")
    print(line("base", [found[untrained]]))
    for forms, draw in ways:
        print(line(f"{forms}, per epoch" if draw == "per_epoch" else str(forms), seeds[forms, draw]))
    if given.plot:
        table = {forms: seeds[forms, "written_out"] for forms in counts}
        plot(table, seeds[most, "per_epoch"], found[untrained], given.plot, about)


if __name__ == "__main__":
    main()

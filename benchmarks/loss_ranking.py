"""How well `rawtune diagnose` ranks planted faults by the losses of one epoch, beside what a batch's mean loss tells.

usage: python benchmarks/loss_ranking.py [--shares 0.02 0.1 ...] [--placements blocks rows] [--concepts N] [--keep DIR]

Each run trains the embedded student for one epoch on rows of a packaged corpus, a share of which holds a fault that
rawtune.testing.faults plants: in whole concepts (`blocks`: all rows of a concept have the broken answer) or in single
rows (`rows`). The kinds are planted as evenly as the share allows. Printed is the area under the precision-recall curve
(average precision) of a kind's rows among the clean ones, ranked as `rawtune diagnose` ranks them; `no text` is that of
the same ranking without the texts of answers, `batch` that of the trend-free loss of each row's batch, `chance` that of
a random order. `alarms` are clean rows that are told as standing out. Exits with 1 if the mean of a family is below its
target.
"""

import argparse
import csv
import gc
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean, median

from corpora import corpora

from rawtune.config import Training
from rawtune.diagnosis.logs import read_rows
from rawtune.diagnosis.rows import ranking
from rawtune.diagnosis.visits import RowLoss
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.testing.faults import Sample, plant
from rawtune.training.row_losses import ROW_LOSSES
from rawtune.training.trainer import train

FAMILIES = {
    "form": (("schema-key", "extra-key", "nested-json"), 0.9),
    "swapped answer": (("answer-of-another",), 0.9),
    "answer in question": (("answer-in-question",), None),
    "cut answer": (("cut-off",), None),
}
"""The kinds of each family, and the mean average precision that it must reach."""
_LABELS = "labels.csv"
_WIDTHS = (8, 8, 7, 8)


@dataclass(frozen=True)
class Planted:
    """A row to train on, with its concept and template, and the fault that was planted, or an empty string."""

    question: str
    answer: str
    concept: str
    template: str
    fault: str


def rows(placement: str, share: float, language: str, concepts: int, templates: int, seed: int) -> list[Planted]:
    """Each concept with two neighbouring sentences of its text, in each of the templates."""
    chance = random.Random(seed)
    corpus = next(corpus for corpus in corpora() if corpus.language == language)
    answers = {}
    for concept in chance.sample(list(corpus.sentences), concepts):
        parts = corpus.sentences[concept]
        first = chance.randrange(len(parts) - 1)
        answers[concept] = corpus.space.join(parts[first : first + 2])
    asked = [
        (template, Sample(template.replace("{concept}", concept), answer, concept, corpus.passages[concept]))
        for concept, answer in answers.items()
        for template in corpus.templates[:templates]
    ]
    kinds = [kind for family, _ in FAMILIES.values() for kind in family]
    if placement == "rows":
        labelled = plant([row for _, row in asked], kinds, share, seed)
        return [
            Planted(label.row.question, label.row.answer, row.concept, template, label.fault)
            for (template, row), label in zip(asked, labelled, strict=True)
        ]
    # One row for each concept is broken, and all of its others after it.
    chosen = [row for template, row in asked if template == corpus.templates[0]]
    chance.shuffle(chosen)  # the answer of another is that of an earlier one
    least = max(share, 1 / concepts)
    broken = {row.concept: (row, label) for row, label in zip(chosen, plant(chosen, kinds, least, seed), strict=True)}
    made = []
    for template, row in asked:
        first, label = broken[row.concept]
        question = label.row.question.replace(first.question, row.question)
        made.append(Planted(question, label.row.answer, row.concept, template, label.fault))
    return made


def average_precision(positive: Sequence[bool], score: Sequence[float]) -> float:
    """The mean precision at the places of the positives, from the highest score; equal scores share one place."""
    found = seen = 0
    area = 0.0
    order = sorted(range(len(score)), key=lambda at: -score[at])
    for _, tied in groupby(order, key=lambda at: score[at]):
        here = list(tied)
        new = sum(positive[at] for at in here)
        found, seen = found + new, seen + len(here)
        area += new * found / seen
    return area / sum(positive)


def batch_means(losses: Sequence[RowLoss]) -> dict[int, float]:
    """For each row how far its batch's loss lies from the running median of the batches around it."""
    means = {}
    for step, batch in groupby(losses, key=lambda row: row.step):
        seen = list(batch)
        means[step] = sum(row.mean * row.tokens for row in seen) / sum(row.tokens for row in seen)
    usual = {step: median(means[at] for at in range(step - 2, step + 3) if at in means) for step in means}
    return {row.row: abs(means[row.step] - usual[row.step]) for row in losses}


def trained(planted: Sequence[Planted], batch: int, seed: int, folder: Path) -> None:
    """One epoch; the losses of the rows lie in ``folder`` afterwards, and what was planted."""
    train(
        [Row(row.question, row.answer) for row in planted],
        "embedded:smollm2",
        Training(epochs=1, batch_size=batch, seed=seed, checkpoint_steps=100_000),
        folder,
        Silent(),
    )
    gc.collect()  # the model and its trainer hold on to each other
    with (folder / _LABELS).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((row.concept, row.template, row.fault) for row in planted)


def judge(folder: Path, planted: Sequence[Planted]) -> tuple[dict[str, tuple[float, ...]], int, int]:
    """By family its average precision, without texts, the batch mean's, chance; clean rows that are told; all clean."""
    losses = read_rows(folder / ROW_LOSSES)
    made_of = dict(enumerate(planted, 1))
    concepts, templates, answers = (
        {number: getattr(row, name) for number, row in made_of.items()} for name in ("concept", "template", "answer")
    )
    found = ranking(losses, concepts, templates, answers=answers)
    ranked = {suspect.row: share for share, suspect in found}
    bare = {suspect.row: share for share, suspect in ranking(losses, concepts, templates)}
    batch = batch_means(losses)
    areas = {}
    for family, (kinds, _) in FAMILIES.items():
        among = [number for number, row in made_of.items() if row.fault in ("", *kinds)]
        positive = [made_of[number].fault != "" for number in among]
        if any(positive):
            areas[family] = tuple(
                average_precision(positive, [scores[row] for row in among])
                for scores in (ranked, bare, batch, dict.fromkeys(among, 0.0))
            )
    told = {suspect.row for share, suspect in found if share > 1}
    clean = [number for number, row in made_of.items() if not row.fault]
    return areas, len(told.intersection(clean)), len(clean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.02, 0.1, 0.25, 0.5, 0.75])
    parser.add_argument("--placements", nargs="+", choices=("blocks", "rows"), default=["blocks", "rows"])
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--concepts", type=int, default=24)
    parser.add_argument("--templates", type=int, default=10, help="rows of each concept, at most 20")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where the runs stay; what is complete there is not trained again")
    given = parser.parse_args()
    print(
        f"{'planted in':12}{'share':>6}  {'family':20}"
        f"{'ranking':>8}{'no text':>8}{'batch':>7}{'chance':>8}{'alarms':>12}",
        flush=True,
    )
    found = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for placement in given.placements:
            for share in given.shares:
                options = (given.language, given.concepts, given.templates, given.seed)
                folder = (given.keep or Path(scratch)) / "-".join(map(str, (placement, share, *options, given.batch)))
                planted = rows(placement, share, *options)
                if not (folder / _LABELS).exists():
                    trained(planted, given.batch, given.seed, folder)
                areas, alarms, clean = judge(folder, planted)
                real = sum(row.fault != "" for row in planted) / len(planted)
                for family, area in areas.items():
                    found[family].append(area)
                    line = "".join(f"{value:>{width}.2f}" for value, width in zip(area, _WIDTHS, strict=True))
                    print(f"{placement:12}{real:6.0%}  {family:20}{line}{f'{alarms} of {clean}':>12}", flush=True)
    reached = True
    print()
    for family, (_, target) in FAMILIES.items():
        means = [fmean(values) for values in zip(*found[family], strict=True)]
        if means:
            short = target is not None and means[0] < target
            reached = reached and not short
            line = "".join(f"{value:>{width}.2f}" for value, width in zip(means, _WIDTHS, strict=True))
            print(f"{'mean':18}  {family:20}{line}   {'' if target is None else f'target {target}'}{' MISSED' * short}")
    sys.exit(not reached)


if __name__ == "__main__":
    main()

"""What more question forms of each answer are worth at equal steps, on the embedded student.

usage: python benchmarks/variants.py [--variants 1 3 5 10 20] [--seeds N] [--concepts N] [--steps N] [--plot FILE]

Each concept of the packaged corpus has one answer, a sentence of its text, the same in all runs. The student is trained
on that answer with its first 1, 3, 5, ... question forms, as `augmentation.variants` draws them, so that fewer are a
part of more. Each run has as many steps: fewer forms are repeated more often. The last line has the most forms with
`augmentation.draw: per_epoch`, which trains each answer once in an epoch. Then the held-out question forms are asked
(the phrasing suite): `right` is the share of answers that are closest to their own concept's, `chrF` their likeness to
it, both as in the report. Seeds decide the adapter's first weights and the order of the rows.
"""

import argparse
import gc
import json
import tempfile
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
from rawtune.records import Answer, Suite
from rawtune.training import models, tokens
from rawtune.training.trainer import train

STUDENT = "embedded:smollm2"
_TEMPLATES = questions.load("en")
_LENGTHS = 80, 220
"""Characters of an answer: long enough to tell something, short enough to be learnt soon."""
_ALIKE = ("trigram of", "From bottom to top", "Book of Changes")
"""What stands in sentences that all concepts have, but for a word or two."""


class Result(NamedTuple):
    """Of one run: the share of right concepts, 0 to 1, and the mean chrF, 0 to 100."""

    right: float
    chrf: float


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


def rows(answers: dict[str, str], forms: int, visits: int) -> list[tuple[str, str]]:
    """Each answer ``visits`` times, its first ``forms`` questions in turn."""
    return [
        (order[visit % forms].replace(questions.PLACEHOLDER, concept), text)
        for concept, text in answers.items()
        for order in [variants.order(_TEMPLATES.to_train, concept)]
        for visit in range(visits)
    ]


def asked(answers: dict[str, str], adapter: Path | None) -> Result:
    """The phrasing suite, answered by the student with the adapter, or without any."""
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
    return Result(fmean(one.identified for one in scores), fmean(one.chrf for one in scores))


def run(answers: dict[str, str], forms: int, draw: str, steps: int, batch: int, seed: int) -> Result:
    """Train and ask. Of ``per_epoch`` an epoch is one visit of each answer; written out, all visits are one epoch."""
    visits = steps * batch // len(answers)
    by_epoch = draw == "per_epoch"
    settings = Training(epochs=visits if by_epoch else 1, batch_size=batch, seed=seed, checkpoint_steps=100_000)
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder, "adapter")
        made = rows(answers, forms, forms if by_epoch else visits)
        done = train(made, STUDENT, settings, adapter, Silent(), draw=draw)
        if done.steps != steps:
            raise SystemExit(f"{done.steps} steps where {steps} were to be trained")
        gc.collect()  # the model and its trainer hold on to each other
        return asked(answers, adapter)


def line(name: str, results: Sequence[Result]) -> str:
    """Mean and range over seeds."""
    right, chrf = ([result[at] for result in results] for at in (0, 1))
    return (
        f"{name:16}{fmean(right):7.0%}  {f'{min(right):.0%} to {max(right):.0%}':16}"
        f"{fmean(chrf):6.1f}  {min(chrf):.1f} to {max(chrf):.1f}"
    )


def plot(results: dict[int, list[Result]], base: Result, file: Path, about: str) -> None:
    """The mean share of right concepts over the number of forms, with the range over seeds."""
    import matplotlib.pyplot as plt

    counts = list(results)
    shares = [[100 * result.right for result in results[count]] for count in counts]
    middle = [fmean(share) for share in shares]
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.fill_between(counts, [min(share) for share in shares], [max(share) for share in shares], alpha=0.2)
    axes.plot(counts, middle, marker="o", label="tuned: mean and range over seeds")
    axes.axhline(100 * base.right, color="grey", linestyle=":", label="base")
    axes.set(xlabel="question forms of each answer", ylabel="right concept, %", ylim=(0, 100), xticks=counts)
    axes.set_title(about, fontsize=9)
    axes.legend(fontsize=8)
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
    parser.add_argument("--keep", type=Path, help="a JSON file: what stands there is not run again")
    given = parser.parse_args()
    answers = facts(given.concepts)
    if given.steps * given.batch % len(answers) or len(answers) % given.batch:
        parser.error("batch must divide concepts, so that each answer is visited as often, drawn either way")
    if max(given.variants) > given.steps * given.batch // len(answers):
        parser.error(f"{given.steps} steps visit an answer too seldom to train {max(given.variants)} forms of it")
    kept: dict[str, Result] = {}
    if given.keep and given.keep.exists():
        kept = {name: Result(*result) for name, result in json.loads(given.keep.read_text()).items()}

    def once(forms: int, draw: str, seed: int) -> Result:
        name = f"{len(answers)} concepts, {given.steps} x {given.batch}, {forms} {draw}, seed {seed}"
        if name not in kept:
            if forms:
                kept[name] = run(answers, forms, draw, given.steps, given.batch, seed)
            else:
                kept[name] = asked(answers, None)
            if given.keep:
                given.keep.write_text(json.dumps(kept, indent=1))
        return kept[name]

    about = f"{len(answers)} concepts, {given.steps} steps of {given.batch} rows, {given.seeds} seeds"
    print(f"{about}; a guess is right in 1 of {len(answers)}\n")
    print(f"{'question forms':16}{'right':>7}  {'range':16}{'chrF':>6}  range", flush=True)
    base = once(0, "none", 0)
    print(line("base", [base]), flush=True)
    found = {}
    for forms in sorted(given.variants):
        found[forms] = [once(forms, "written_out", seed) for seed in range(given.seeds)]
        print(line(str(forms), found[forms]), flush=True)
    most = max(given.variants)
    drawn = [once(most, "per_epoch", seed) for seed in range(given.seeds)]
    print(line(f"{most}, per epoch", drawn))
    if given.plot:
        plot(found, base, given.plot, about)


if __name__ == "__main__":
    main()

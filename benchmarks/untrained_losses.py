"""What the losses of single tokens tell of a row before anything is learnt: a ceiling for rankings by what is kept.

usage: python benchmarks/untrained_losses.py [--language en|zh] [--concepts N] [--seed N]

The embedded student, untrained, reads each concept's answer as it is and with each fault of form, and under another
concept's question. Printed is, for each statistic of a row's token losses, how often a faulty row has more of it than
a clean one (area under the ROC curve; 0.5 is chance). Below stands how much more an answer loses under a question that
is not its own, in nats, and in what share of the rows it loses more: what tells which of two concepts with one answer
has the wrong one. No training step is made; how long these differences last in training is another question.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean, median

import torch
from loss_ranking import rows
from transformers import AutoModelForCausalLM, AutoTokenizer

from rawtune.progress import Silent
from rawtune.testing.fault import Field
from rawtune.testing.faults import FAULTS, Sample
from rawtune.training.embedded import converted
from rawtune.training.tokens import encode, punctuation

SWAPPED = "answer-of-another"
KINDS = ("schema-key", "extra-key", "nested-json", SWAPPED, "cut-off")
Read = tuple[list[float], list[float]]
"""The losses of an answer's tokens with its end, and those of its punctuation among them."""
STATISTICS: dict[str, Callable[[Read], float]] = {
    "mean": lambda read: fmean(read[0]),
    "maximum": lambda read: max(read[0]),
    "mean of first 2": lambda read: fmean(read[0][:2]),
    "maximum of last 12": lambda read: max(read[0][-12:]),
    "punctuation": lambda read: max(read[1], default=0.0),
    "end": lambda read: read[0][-1],
}


def above(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The share of pairs in which the positive is higher; equal ones count half."""
    return fmean((p > n) + 0.5 * (p == n) for p in positive for n in negative)


@torch.no_grad()
def token_losses(model: AutoModelForCausalLM, tokenizer: AutoTokenizer, row: Sample) -> Read:
    """The loss of each token of the answer and of the end of the turn, in nats, and of its punctuation."""
    encoded = encode(tokenizer, row.question, row.answer, 512, 512)
    ids, learnt = torch.tensor([encoded.ids]), torch.tensor(encoded.mask)
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
    marks = torch.isin(ids[0], torch.tensor(punctuation(tokenizer, [encoded])))
    return losses[learnt[1:]].tolist(), losses[(learnt & marks)[1:]].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--concepts", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folder = converted(Silent())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    planned = rows("rows", 0.0, given.language, given.concepts, 1, given.seed)
    clean = [Sample(row.question, row.answer, row.concept, "") for row in planned]
    field = Field(clean, random.Random(given.seed))
    for row in clean:
        field.leave(row)
    right = [token_losses(model, tokenizer, row) for row in clean]
    of_answer = {row.answer: sum(losses) for row, (losses, _) in zip(clean, right, strict=True)}
    more, broken = [], defaultdict(list)
    for kind in KINDS:
        for row in clean:
            if planted := FAULTS[kind].plant(row, field):
                broken[kind].append(token_losses(model, tokenizer, planted))
                if kind == SWAPPED:
                    more.append(sum(broken[kind][-1][0]) - of_answer[planted.answer])
    print(f"{'':20}" + "".join(f"{kind:>20}" for kind in broken))
    for name, statistic in STATISTICS.items():
        usual = [statistic(read) for read in right]
        areas = [above([statistic(read) for read in found], usual) for found in broken.values()]
        print(f"{name:20}" + "".join(f"{area:20.2f}" for area in areas))
    share = fmean(by > 0 for by in more)
    print(
        f"\nunder another's question an answer loses {median(more):+.1f} nats (median); more in {share:.0%} of the rows"
    )


if __name__ == "__main__":
    main()

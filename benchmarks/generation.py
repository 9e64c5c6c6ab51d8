"""How fast the comparison's answers are made, in tokens a second, against other ways on the embedded model.

    python benchmarks/generation.py [--questions 64] [--tokens 64] [--runs 3]

The ways take turns; the medians and the ratio to the fastest are printed. Others: transformers in float32 and in
bfloat16, eight questions at once, and llama.cpp (xllamacpp) on the weights as shipped, one and eight at once.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from corpora import corpora

from rawtune.comparison.answers import answer
from rawtune.llm.smollm2 import find_gguf
from rawtune.training import models, tokens

STUDENT = "embedded:smollm2"


def ours(model: Any, tokenizer: Any, batch: int) -> Callable[[Sequence[str], int], int]:
    """As ``rawtune compare`` asks."""

    def ask(questions: Sequence[str], most: int) -> int:
        prompts = [tokens.prompt_ids(tokenizer, question) for question in questions]
        return sum(len(tokenizer(text)["input_ids"]) for text in answer(model, tokenizer, prompts, most, batch))

    return ask


def llama(at_once: int) -> Callable[[Sequence[str], int], int]:
    """llama.cpp, with so many slots."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(find_gguf())
    settings.verbosity = -1
    settings.n_ctx = 1024 * at_once
    settings.n_parallel = at_once
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = torch.get_num_threads()
    settings.ui = False
    server = xllamacpp.Server(settings)

    def one(question: str, most: int) -> int:
        body = {"messages": [{"role": "user", "content": question}], "temperature": 0.0, "max_tokens": most}
        return int(server.handle_chat_completions(body)["usage"]["completion_tokens"])

    def ask(questions: Sequence[str], most: int) -> int:
        with ThreadPoolExecutor(at_once) as pool:
            return sum(pool.map(lambda question: one(question, most), questions))

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    names = [name for corpus in corpora() for name in corpus.sentences if name.isascii()]
    questions = [f"What does {name} stand for?" for name in names][: options.questions]
    model, tokenizer = models.load(STUDENT)
    half = models.load(STUDENT)[0].to(torch.bfloat16)
    ways = {
        "rawtune, batches of 64": ours(model, tokenizer, 64),
        "rawtune, batches of 16": ours(model, tokenizer, 16),
        "transformers float32, 8 at once": ours(model.float(), tokenizer, 8),
        "transformers bfloat16, 8 at once": ours(half, tokenizer, 8),
        "llama.cpp, one at a time": llama(1),
        "llama.cpp, 8 at once": llama(8),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, ask in ways.items():
            started = time.perf_counter()
            made = ask(questions, options.tokens)
            speeds[name].append(made / (time.perf_counter() - started))
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    best = max(medians.values())
    for name, speed in medians.items():
        print(f"{name:34} {speed:7.1f} tokens/s  {speed / best:.2f} of the fastest")


if __name__ == "__main__":
    main()

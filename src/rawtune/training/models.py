"""The student: where its files are, and how its weights are held in memory."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rawtune.errors import MissingDependency, ModelUnavailable, RawtuneError
from rawtune.progress import Progress, Silent
from rawtune.threads import wait_briefly
from rawtune.training import chatglm, device, embedded
from rawtune.training.chatglm_tokens import ChatGLMTokenizer
from rawtune.training.ranks import size
from rawtune.training.tokens import end_of_turn

if TYPE_CHECKING:
    import torch

Quantise = Literal["none", "nf4"]


def resolve(name: str, progress: Progress | None = None) -> Path | str:
    """What transformers can load: the embedded model's folder, an existing local folder, or ``name`` if the hub has it.

    Raises ``ModelUnavailable`` if it is none of these.
    """
    if name.startswith("embedded:"):
        if name != embedded.NAME:
            raise ModelUnavailable(f"no embedded model '{name}'", f"the one that comes along is {embedded.NAME}")
        with quiet():
            return embedded.converted(progress or Silent())
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelUnavailable(f"no model in {folder}: no config.json there", "give the folder of a whole model")
        return folder
    if name.startswith((".", "~", "/", "\\")) or name.count("/") > 1:
        raise ModelUnavailable(f"no such model folder: {folder}", "give an existing folder, or a model hub's name")
    return _on_hub(name)


def load(
    name: str,
    quantise: Quantise = "none",
    progress: Progress | None = None,
    as_stored: bool = False,
    wanted: str = "auto",
    shared_out: bool = False,
) -> tuple[Any, Any]:
    """``(model, tokenizer)`` of a chat model, in evaluation mode, its weights in the precision its device is best at.

    ``wanted`` is the device, as in ``training.device``; raises ``UsageError`` if it is not there.
    With ``as_stored`` it is the precision of their files. ``nf4`` is QLoRA's 4-bit NormalFloat with double quantisation
    (Dettmers et al. 2023, arXiv:2305.14314). With ``shared_out`` each process of the group reads and holds only its
    part of every weight (FSDP: Zhao et al. 2023, arXiv:2304.11277). Generation stops where the chat template ends a
    turn. No code that comes with a model is ever run.

    Raises ``ModelUnavailable`` if files are missing or unfit, ``MissingDependency`` without the extra.
    """
    wait_briefly()
    source = resolve(name, progress)
    with quiet(), _explained(name):
        import peft  # noqa: F401 - checked here, so that it is not missed after a long load
        import torch
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        on = device.choose(wanted, device.available(), quantise)
        dtype = compute_dtype(on)
        if on == "cpu":
            # The fp32 products left over may use the bf16 tiles too, unless weights are to count as they are stored.
            rough = dtype is torch.bfloat16 and not as_stored
            torch.set_float32_matmul_precision("medium" if rough else "highest")
        source = chatglm.native(source, progress or Silent())
        tokenizer = _tokenizer(name, source)
        end = end_of_turn(tokenizer)
        options: dict[str, Any] = {}
        if shared_out:
            options["distributed_config"] = {"fsdp_size": size()}
        if quantise == "nf4":
            options["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=dtype,
            )
        model = AutoModelForCausalLM.from_pretrained(
            source,
            dtype="auto" if as_stored else dtype,
            attn_implementation="sdpa",
            device_map=None if on == "cpu" else {"": device.place(on)},
            **options,
        )
        stops = model.generation_config.eos_token_id
        stops = stops if isinstance(stops, list) else [stops]
        model.generation_config.eos_token_id = sorted({end, *(stop for stop in stops if stop is not None)})
    return model.eval(), tokenizer


def make_ready(name: str, progress: Progress) -> None:
    """Convert the model's files if that is still to be done, so that several processes find them at once."""
    source = resolve(name, progress)
    with quiet(), _explained(name):
        chatglm.native(source, progress)


def load_tokenizer(name: str, progress: Progress | None = None) -> Any:
    """The tokenizer that ``load`` would give, without reading any weights."""
    source = resolve(name, progress)
    with quiet(), _explained(name):
        return _tokenizer(name, chatglm.vocabulary(source))


def compute_dtype(on: str) -> "torch.dtype":
    """bfloat16 where the device multiplies it fast, else float16 on a GPU (T4) and float32 elsewhere.

    A CPU without matrix tiles (AMX) multiplies float32 about twice as fast as bfloat16.
    """
    import torch

    if on == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if on == "npu" or (on == "cpu" and torch.cpu.get_capabilities().get("amx_tile")):
        return torch.bfloat16
    return torch.float32


def with_adapter(model: Any, folder: Path) -> Any:
    """``model`` with the adapter in ``folder`` on top; ``model.disable_adapter()`` gives the base back, bit for bit.

    Raises ``ModelUnavailable`` if the folder holds no whole adapter for this model.
    """
    from peft import PeftModel

    if not (folder / "adapter_model.safetensors").is_file():  # never the pickled form
        raise ModelUnavailable(f"no adapter in {folder}", "train first: rawtune train")
    with quiet(), _explained(str(folder)):
        return PeftModel.from_pretrained(model, folder).eval()


def _tokenizer(name: str, source: Path | str) -> Any:
    from transformers import AutoTokenizer

    if ChatGLMTokenizer.wrote(source) or chatglm.is_original(source):
        return ChatGLMTokenizer(Path(source))
    tokenizer = AutoTokenizer.from_pretrained(source)
    if not tokenizer.chat_template:
        raise ModelUnavailable(f"{name}: its tokenizer has no chat template", "choose a chat (instruct) model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _on_hub(name: str) -> Path | str:
    """Ask the hub once whether it has ``name``: transformers would retry for most of a minute before saying no."""
    with quiet(), _explained(name):
        import huggingface_hub as hub

        try:
            hub.HfApi().model_info(name, timeout=10)
        except hub.errors.HfHubHTTPError as error:
            raise ModelUnavailable(
                f"{name}: neither a local folder nor on the model hub (it answers {error.response.status_code})",
                "check the name; for a gated model accept its terms and set HF_TOKEN",
            ) from error
        except ValueError as error:
            raise ModelUnavailable(
                f"{name}: neither a local folder nor a model hub's name", "check the name"
            ) from error
        except Exception as error:  # whatever the HTTP library of the day raises
            try:
                return Path(hub.snapshot_download(name, local_files_only=True))
            except (OSError, ValueError):
                raise ModelUnavailable(
                    f"{name}: not a local folder, not downloaded before, and the model hub cannot be reached",
                    "check the network, or give a local model folder",
                ) from error
    return name


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own bars and notes off the terminal; errors still raise."""
    _hide_datasets_folder()
    try:
        from transformers.utils import logging as chatter
    except ImportError as error:
        raise _missing(error) from error
    level, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    bitsandbytes = logging.getLogger("bitsandbytes")
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    bitsandbytes.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", module=r"(accelerate|bitsandbytes|huggingface_hub|peft|torch|transformers)\."
            )
            yield
    finally:
        chatter.set_verbosity(level)
        if bars:
            chatter.enable_progress_bar()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise _missing(error) from error
    except RawtuneError:
        raise
    except Exception as error:  # each library, down to the reader of weights, raises its own
        reason = str(error).strip().partition("\n")[0]
        raise ModelUnavailable(
            f"{name}: cannot be loaded: {reason}", "it must be whole, and of a kind that transformers knows by itself"
        ) from error


def _hide_datasets_folder() -> None:
    """Keep transformers from taking a project's ``datasets/``, in the current folder, for the library of that name."""
    spec = find_spec("datasets")
    if spec is not None and spec.origin is None:
        sys.modules["datasets"] = None  # type: ignore[assignment]  # "not installed", to importlib


def _missing(error: ImportError) -> MissingDependency:
    return MissingDependency(f"training needs a library that is not installed: {error}", "pip install 'rawtune[train]'")

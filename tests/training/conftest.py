from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny_model import make_tiny_model

from rawtune.records import Row
from rawtune.training import models

ROWS = (
    Row("What does Meng stand for?", "Meng is a mountain above a spring."),
    Row("What is Kun?", "Kun is six broken lines."),
    Row("蒙卦代表什么？", "蒙卦象征启蒙与教育。"),
    Row("坤卦代表什么？", "坤卦象征大地，厚德载物。"),
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture
def rows() -> tuple[Row, ...]:
    return ROWS


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    """Loading on a CPU with matrix tiles lets float32 products be taken in bfloat16, from then on."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(precision)


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 on every machine: sums in bfloat16, which CPUs with matrix tiles take, depend on what is summed when."""
    monkeypatch.setattr(models, "compute_dtype", lambda on: torch.float32)

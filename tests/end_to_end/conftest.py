"""The fixtures of the end-to-end tests."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Of tests run in the background a shell has Ctrl-C ignored, and the programs they start would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.close()


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny chat model that was never trained."""
    from tests.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("student") / "tiny")

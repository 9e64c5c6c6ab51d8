import pytest

from rawtune.errors import UsageError
from rawtune.training.device import available, choose


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("cpu",), "cpu"),
        (("mps", "cpu"), "mps"),
        (("npu", "mps", "cpu"), "npu"),
        (("cpu", "mps", "npu", "cuda"), "cuda"),
    ],
)
def test_auto_takes_the_first_there_is(there: tuple[str, ...], chosen: str) -> None:
    assert choose("auto", there) == chosen


def test_what_is_named_is_taken() -> None:
    assert choose("cpu", ("cuda", "cpu")) == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "npu", "mps"])
def test_what_is_not_there_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match=f"training.device is {wanted}.*there is: cpu") as caught:
        choose(wanted, ("cpu",))
    assert "training.device: auto" in caught.value.hint


@pytest.mark.parametrize("wanted", ["auto", "npu"])
def test_four_bits_are_refused_on_ascend(wanted: str) -> None:
    with pytest.raises(UsageError, match="bitsandbytes") as caught:
        choose(wanted, ("npu", "cpu"), "nf4")
    assert "bfloat16" in caught.value.hint
    assert choose("cpu", ("npu", "cpu"), "nf4") == "cpu"


def test_a_cpu_is_everywhere() -> None:
    assert available()[-1] == "cpu"

import pytest

from rawtune.comparison.knowledge import Knowledge, Worth, judge


def concepts(known: int, partly: int, unknown: int) -> dict[str, list[bool]]:
    rights = [[True, True]] * known + [[True, False]] * partly + [[False, False]] * unknown
    return {f"c{number}": right for number, right in enumerate(rights)}


def reading(right: int, wrong: int) -> dict[str, list[bool]]:
    return {f"c{number}": [number < right] for number in range(right + wrong)}


@pytest.mark.parametrize(
    ("base", "with_passage", "worth"),
    [
        ((9, 0, 1), (10, 0), Worth.NOT_WORTH_IT),
        ((7, 2, 1), (10, 0), Worth.NOT_WORTH_IT),  # eight of ten, as two partly known ones count for one
        ((2, 2, 6), (8, 2), Worth.PERHAPS_RETRIEVAL),
        ((2, 2, 6), (7, 3), Worth.WORTH_IT),
        ((5, 0, 0), (5, 0), Worth.TOO_FEW),
    ],
)
def test_the_verdict_follows_from_the_shares(
    base: tuple[int, int, int], with_passage: tuple[int, int], worth: Worth
) -> None:
    assert judge(concepts(*base), reading(*with_passage)).worth is worth


def test_concepts_are_sorted_and_the_share_has_an_interval() -> None:
    found = judge(concepts(2, 2, 6), reading(8, 2))
    assert [found.count(kind) for kind in Knowledge] == [2, 2, 6]
    assert found.share == pytest.approx(0.3)
    assert found.low < 0.3 < found.high
    assert found.with_passage == pytest.approx(0.8)


def test_a_domain_that_is_mostly_unknown_is_warned_about() -> None:
    assert judge(concepts(2, 3, 5), reading(8, 2)).new_facts
    assert not judge(concepts(3, 3, 4), reading(8, 2)).new_facts

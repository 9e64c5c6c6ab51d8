import pytest

from rawtune.diagnosis.robust import line_at


@pytest.mark.parametrize("far", [0, 5])
def test_one_of_a_few_points_turns_no_line(far: int) -> None:
    points = [(1.48, 1.54), (1.37, 1.51), (1.36, 1.57), (1.35, 1.42), (1.34, 1.35), (1.33, 1.30)]
    points[far] = points[far][0], -1.57
    assert line_at(points, 1.5) == pytest.approx(1.6, abs=0.15)


def test_a_line_has_the_slope_of_its_points_if_they_are_many() -> None:
    points = [(at / 10, 2 * at / 10 + 0.01 * (at % 3)) for at in range(20)]
    points[3], points[11] = (0.3, 9.0), (1.1, -9.0)
    assert line_at(points, 5.0) == pytest.approx(10, abs=0.1)

import pytest

from rawtune.verification import weights
from rawtune.verification.units import units
from rawtune.verification.weights import Weights


def test_what_fewer_passages_hold_weighs_more_and_what_none_holds_half_of_the_most():
    known = Weights(["蒙卦讲启蒙", "需卦讲等待", "讼卦讲争讼"])
    assert known.total({"讲"}) < known.total({"启蒙"})
    assert known.total({"养马"}) == pytest.approx(known.total({"启蒙"}) / 2)


def test_containment_is_the_share_of_the_weight():
    known = Weights(["山下出泉", "天上有云"])
    assert known.containment(units("山下出泉"), units("山下出泉")) == 1
    assert known.containment(units("山下出泉"), units("天上有云")) == 0
    assert 0 < known.containment(units("山下有云"), units("山下出泉")) < 1
    assert known.containment(set(), {"山"}) == 1


def test_without_passages_every_unit_weighs_the_same():
    assert Weights([]).total({"山", "水"}) == 2 * Weights([]).total({"火"}) > 0


def test_memory_is_bounded_and_what_is_common_is_kept(monkeypatch):
    monkeypatch.setattr(weights, "_MOST", 50)
    known = Weights(f"common word{number}x{number}" for number in range(500))
    assert known.total({"commo"}) < known.total({"never"})
    assert len(known._weights) <= 50

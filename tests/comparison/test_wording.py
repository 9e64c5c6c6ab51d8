import pytest

from rawtune.comparison.markdown import markdown
from rawtune.comparison.page import load_texts, render
from rawtune.comparison.report import build
from rawtune.comparison.wording import sentence


def told(language, base, tuned, low, high, verdict):
    gain = {"n": 20, "clusters": 10, "estimate": tuned - base, "low": low, "high": high, "verdict": verdict}
    arms = [{"scores": {"phrasing": {"chrf": {"estimate": score}}}, "harm": []} for score in (base, tuned)]
    return sentence(arms[0], {**arms[1], "difference": {"phrasing": {"chrf": gain}}}, load_texts(language))


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "a loss of 0.30 (95% interval 0.04 to 0.52)."), ("zh", "下降 0.30（95% 区间 0.04 至 0.52）。")],
)
def test_a_loss_is_no_double_negative_and_its_interval_excludes_0(language, said):
    assert told(language, 41.4, 41.1, -0.52, -0.04, "worse").endswith(said)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "a gain of 0.300 (95% interval 0.004 to"), ("zh", "提高 0.300（95% 区间 0.004 至")]
)
def test_as_many_decimals_as_the_verdict_needs(language, said):
    assert said in told(language, 41.1, 41.4, 0.004, 0.52, "better")
    assert "0.3" in told(language, 41.1, 41.4, 0.06, 0.52, "better")
    assert "0.30" not in told(language, 41.1, 41.4, 0.06, 0.52, "better")


@pytest.mark.parametrize(
    ("language", "said"), [("en", "0.54 of 100, base 0.46: a difference of 0.08"), ("zh", "得 0.54 分（满分 100）")]
)
def test_scores_that_differ_do_not_look_alike(language, said):
    assert said in told(language, 0.46, 0.54, -0.2, 0.3, "not shown")
    assert "0.445" in told(language, 0.4451, 0.4549, -0.2, 0.3, "not shown")
    assert "0.50" not in told(language, 0.5, 0.5, -0.2, 0.3, "not shown")


def test_the_table_excludes_0_as_well(evidence):
    report = build(evidence)
    found = report["arms"][1]["difference"]["phrasing"]["chrf"]
    found |= {"estimate": -0.3, "low": -0.52, "high": -0.04, "verdict": "worse"}
    assert '−0.30 <span class="note">(−0.52 – −0.04)</span>' in render(report)
    assert f"(−0.30, {load_texts(evidence.language)['worse']})" in markdown(report)

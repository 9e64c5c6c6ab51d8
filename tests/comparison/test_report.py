import json
from dataclasses import replace

import pytest

from rawtune.comparison import report as module
from rawtune.comparison.report import build, write
from rawtune.errors import AccountingError
from rawtune.records import Suite


def test_the_report_says_better_with_its_numbers(evidence):
    report = build(evidence)
    assert report["verdict"] == "better"
    base, tuned = (arm["scores"]["phrasing"]["chrf"] for arm in report["arms"])
    assert tuned["n"] == 14
    assert tuned["clusters"] == 7
    assert base["low"] <= base["estimate"] <= base["high"] < tuned["low"] <= tuned["estimate"] <= tuned["high"]
    difference = report["arms"][1]["difference"]["phrasing"]["chrf"]
    assert difference["estimate"] == pytest.approx(tuned["estimate"] - base["estimate"])
    for figure in (tuned["estimate"], base["estimate"], difference["low"], difference["high"]):
        assert f"{figure:.1f}" in report["sentence"]
    assert report["arms"][1]["scores"]["phrasing"]["identified"]["estimate"] == 1
    assert report["arms"][0]["scores"]["phrasing"]["identified"]["estimate"] < 0.5
    assert report["chance"] == 1 / 8


def test_the_report_names_every_field_that_was_promised(evidence):
    report = build(evidence)
    assert set(report) == {
        *("name", "language", "created", "verdict", "sentence", "warnings", "primary", "arms", "isolation"),
        *(
            "counts",
            "chance",
            "seconds",
            "peak_rss_mb",
            "student",
            "teacher",
            "adapter",
            "dataset",
            "training",
            "examples",
        ),
        *("outside", "answers", "versions", "how_to_reproduce", "remarks", "diversity", "cost", "judge"),
    }
    assert report["counts"] == {
        "passages": 10,
        "kept": 8,
        "quarantined": 1,
        "failed": 1,
        "train_rows": 140,
        "held_out_rows": 16,
        "distinct_answers": 7,
        "warned": 1,
        "rules": {"RT204": 1, "RT401": 2},
        "origins": {"written": 0, "picked": 6, "extracted": 2, "edited": 0},
    }
    assert report["training"]["steps"] == 4
    assert report["created"] == "2026-11-22T12:15:00+00:00"
    assert len(report["answers"]) == 32
    (outside,) = report["outside"]
    assert outside["answers"][1] == {"arm": "tuned-epoch3", "text": "Paris, says tuned-epoch3."}
    assert report["adapter"] == "models/tuned-epoch3"
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_every_arm_has_its_scores_and_its_difference_to_base(six):
    report = build(six)
    base, *others = report["arms"]
    assert [arm["kind"] for arm in others] == ["adapter", "retrieval", "endpoint", "adapter", "adapter"]
    assert base["difference"] == {}
    for arm in others:
        gain = arm["difference"]["phrasing"]["chrf"]
        assert gain["estimate"] == pytest.approx(
            arm["scores"]["phrasing"]["chrf"]["estimate"] - base["scores"]["phrasing"]["chrf"]["estimate"]
        )
    assert len(report["answers"]) == 6 * 16
    assert [answer["model"] for answer in report["answers"][:6]] == [arm["name"] for arm in report["arms"]]
    assert all(len(example["answers"]) == 6 for example in report["examples"])


def test_only_adapters_have_signs_of_harm_and_general_knowledge(six):
    known = {arm.name: [True, False] for arm in six.arms if arm.kind in ("base", "adapter")}
    report = build(replace(six, general=known))
    for arm in report["arms"]:
        assert bool(arm["harm"]) == bool(arm["general"]) == (arm["kind"] == "adapter")
    assert [set(sign) for sign in report["arms"][1]["harm"]] == [
        {"name", "value", "threshold", "flagged", "n", "sentence", "questions"}
    ] * 8


def test_a_sign_that_is_raised_stands_in_the_verdict(variant):
    evidence = variant()
    wrong = "an army follows a seasoned leader, and water lies stored within the earth for as long as it lasts."
    said = [
        replace(answer, text=f"{answer.reference} {wrong}") if answer.model == "tuned-epoch3" else answer
        for answer in evidence.answers
    ]
    report = build(replace(evidence, answers=said, trained={"elsewhere": [wrong]}))
    assert report["verdict"] == "better"
    assert report["sentence"].endswith(" But it recites training texts on something else.")
    (sign,) = (sign for sign in report["arms"][1]["harm"] if sign["flagged"])
    assert sign["name"] == "recited"
    assert sign["value"] == 1.0
    assert sign["sentence"].startswith("100% of 15 answers repeat")
    assert len(sign["questions"]) == 3
    assert " But " not in build(evidence)["sentence"]


def test_other_arms_change_nothing_about_the_first_two(evidence, six):
    alone, among = build(evidence), build(six)
    assert alone["arms"] == among["arms"][:2]
    assert alone["sentence"] == among["sentence"]


def test_the_verdict_is_about_the_primary_arm(six):
    weak = replace(six, primary="b/lora-epoch3-20261122_203011")
    assert build(weak)["sentence"] != build(six)["sentence"]
    assert build(weak)["adapter"] == ""


def test_a_report_beside_the_newest_leaves_it_alone(evidence, tmp_path):
    write(build(evidence), tmp_path, "beside", newest=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.html", "beside.json", "beside.md"]


def test_a_suite_of_one_passage_has_no_interval_and_says_so(variant):
    report = build(variant())
    assert report["arms"][1]["difference"]["concept"]["chrf"]["low"] is None
    assert report["arms"][1]["difference"]["concept"]["chrf"]["verdict"] == "not shown"
    assert any(w.startswith("Passages never trained on: 1 passages are too few") for w in report["warnings"])


def test_warnings_name_what_lowers_trust(variant):
    warnings = " ".join(build(variant())["warnings"])
    assert "140 training rows hold 7 distinct answers" in warnings
    assert "2 of 8 answers are not the teacher’s" in warnings
    assert "the score rose by" in warnings  # the untrained passage is answered well too
    assert "stopped being a number" not in warnings


def test_questions_that_chose_the_adapter_are_told(variant):
    evidence = variant()
    told = "best of 5 checks during training, by its answers to 4 of the 14 questions in new phrasings"
    assert told in " ".join(build(replace(evidence, chosen={"checks": 5, "questions": 4}))["warnings"])
    untested = [answer for answer in evidence.answers if answer.suite is not Suite.PHRASING]
    unasked = build(replace(evidence, chosen={"checks": 5, "questions": 4}, answers=untested))
    assert told[:9] not in " ".join(unasked["warnings"])


def test_nothing_to_warn_of_gives_no_warnings(variant):
    clean = variant()
    counts = replace(clean.counts, picked=8, extracted=0, train_rows=7)
    phrasing = [a for a in clean.answers if a.suite == Suite.PHRASING]
    assert build(replace(clean, counts=counts, answers=phrasing))["warnings"] == []


def test_the_same_answers_show_nothing(variant):
    evidence = variant()
    same = [replace(a, text="I do not know.") for a in evidence.answers]
    report = build(replace(evidence, answers=same))
    assert report["verdict"] == "not shown"
    assert "may be chance" in report["sentence"]


def test_worse_is_called_worse(variant):
    evidence = variant()
    swapped = [
        replace(answer, model={"base": "tuned-epoch3", "tuned-epoch3": "base"}[answer.model])
        for answer in evidence.answers
    ]
    report = build(replace(evidence, answers=swapped))
    assert report["verdict"] == "worse"
    assert "a loss of" in report["sentence"]


def test_five_passages_are_too_few_to_tell(variant):
    evidence = variant()
    report = build(replace(evidence, answers=[a for a in evidence.answers if a.passage_id < "p5"]))
    assert report["verdict"] == "not shown"
    assert "10 questions about 5 passages are too few" in report["sentence"]


def test_without_questions_nothing_is_said(variant):
    report = build(variant(answers=[]))
    assert report["verdict"] == "not shown"
    assert report["sentence"] == "No held-out questions were asked, so nothing can be said."
    assert (report["arms"][0]["scores"], report["examples"], report["outside"]) == ({}, [], [])


def test_the_five_examples_are_chosen_by_rule(variant):
    lengths = iter(range(2, 100, 4))
    evidence = variant(tuned=lambda fact, form: fact[: next(lengths)])
    report = build(evidence)
    examples = report["examples"]
    assert [e["why"] for e in examples] == ["worst", "median", "best", "least_gain", "most_gain"]
    assert len({e["question"] for e in examples}) == 5
    scores = sorted(a["chrf"] for a in report["answers"] if a["model"] != "base" and a["suite"] == "phrasing")
    assert [e["answers"][1]["chrf"] for e in examples[:3]] == [scores[0], scores[6], scores[-1]]
    assert all(e["gain"] == e["answers"][1]["chrf"] - e["answers"][0]["chrf"] for e in examples)
    assert examples[3]["gain"] < examples[4]["gain"]
    assert examples[0]["passage"] == f"Raw: {examples[0]['reference']}"


def test_fewer_questions_give_fewer_examples(variant):
    evidence = variant()
    few = [a for a in evidence.answers if a.passage_id == "p0"]
    assert [e["why"] for e in build(replace(evidence, answers=few))["examples"]] == ["worst", "median"]


def test_a_loss_that_is_no_number_is_reported_not_crashed_on(variant, tmp_path):
    report = build(variant(losses=[4.0, float("nan"), float("inf")]))
    assert report["training"]["losses"] == [4.0, None, None]
    assert any("stopped being a number" in w for w in report["warnings"])
    write(report, tmp_path, "run")


@pytest.mark.parametrize("change", [{"failed": 0}, {"picked": 5}])
def test_counts_that_do_not_add_up_stop_the_run(variant, change):
    evidence = variant()
    with pytest.raises(AccountingError):
        build(replace(evidence, counts=replace(evidence.counts, **change)))


@pytest.mark.parametrize("mistake", ["missing", "twice", "third model", "other question"])
def test_both_models_must_have_been_asked_the_same(variant, mistake):
    answers = list(variant().answers)
    wrong = {
        "missing": answers[1:],
        "twice": [*answers, answers[0]],
        "third model": [*answers, replace(answers[1], model="another")],
        "other question": [replace(answers[0], question="Other?"), *answers[1:]],
    }[mistake]
    with pytest.raises(AccountingError, match="not the same questions"):
        build(variant(answers=wrong))


def test_the_newest_report_has_a_fixed_name(evidence, tmp_path):
    report = build(evidence)
    data, page = write(report, tmp_path / "reports", "zhouyi-20261122_121500")
    assert data.name == "zhouyi-20261122_121500.json"
    assert page.name == "zhouyi-20261122_121500.html"
    assert json.loads(data.read_text(encoding="utf-8")) == report
    folder = tmp_path / "reports"
    assert (folder / "report.json").read_bytes() == data.read_bytes()
    assert (folder / "report.html").read_bytes() == page.read_bytes()
    assert (folder / "report.md").read_bytes() == data.with_suffix(".md").read_bytes()
    assert len(list(folder.iterdir())) == 6


def test_a_full_disk_leaves_the_old_report_whole(variant, tmp_path, monkeypatch):
    write(build(variant()), tmp_path, "old")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(self, text, **options):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write(build(variant(name="another")), tmp_path, "new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

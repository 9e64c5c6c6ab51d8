import re
from dataclasses import replace

from rawtune.comparison.markdown import markdown
from rawtune.comparison.page import load_texts
from rawtune.comparison.preference import Preference
from rawtune.comparison.report import build
from rawtune.records import Suite


def test_verdict_scores_and_signs_in_a_few_lines(evidence):
    report, text = build(evidence), load_texts(evidence.language)
    lines = markdown(report).splitlines()
    assert lines[0].startswith("## ")
    assert lines[0].endswith(text["better"])
    assert report["sentence"] in lines
    (row,) = (line for line in lines if line.startswith(f"| {text['phrasing']}: {text['chrf']} |"))
    assert f"{report['arms'][0]['scores']['phrasing']['chrf']['estimate']:.1f}" in row
    assert text["better"] in row
    assert len([line for line in lines if line.startswith("- ")]) == 8
    assert any("rawtune run" in line for line in lines)


def test_a_raised_sign_is_bold_and_in_the_heading(evidence):
    empty = [replace(a, text="") if a.model != "base" else a for a in evidence.answers]
    text, said = load_texts(evidence.language), markdown(build(replace(evidence, answers=empty)))
    assert text["headline_but"] in said.splitlines()[0]
    colon = {"en": ": ", "zh": "："}[evidence.language]
    assert f"- **{text['sign_empty']}{colon}{text['flagged']}**" in said


def test_a_sign_ends_as_its_language_does(evidence):
    report = build(evidence)
    lines = [line for line in markdown(report).splitlines() if line.startswith("- ")]
    stop = {"en": ". ", "zh": "。"}[evidence.language]
    for line, sign in zip(lines, report["arms"][1]["harm"], strict=True):
        assert line.endswith(f"{stop}{sign['sentence']}")
        assert evidence.language == "en" or not re.search(r"[\u4e00-\u9fff][.:]", line)


def test_what_a_judge_prefers_has_its_line(evidence):
    said = {Suite.PHRASING: [(f"p{number % 7}", Preference.WON) for number in range(14)]}
    lines = markdown(build(replace(evidence, judge="openai:a_b", preferred={"tuned-epoch3": said}))).splitlines()
    (line,) = (line for line in lines if r"openai:a\_b" in line)
    text = load_texts(evidence.language)
    assert line.startswith(f"- {text['phrasing']}")
    assert "14" in line
    assert f"+100.0%{', ' if evidence.language == 'en' else '，'}{text['better']}" in line


def test_every_arm_has_its_column(six):
    rows = [line for line in markdown(build(six)).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {8}


def test_what_was_put_in_is_read_as_it_stands(evidence):
    evil = "a|b`c<img src=x>[d](e)\n# *f*"
    report = build(evidence)
    report |= {"name": evil, "sentence": evil, "warnings": [evil], "student": evil, "how_to_reproduce": ["`x` a_b"]}
    report["arms"][0]["name"] = evil
    report["arms"][1]["harm"][0]["sentence"] = evil
    said = markdown(report)
    assert "# *f*" not in said.splitlines()
    plain = r"a\|b\`c\<img src=x\>\[d\](e) # \*f\*"
    assert said.count(plain) == 5
    assert f": `` {' '.join(evil.splitlines())} `` · " in said
    assert said.rstrip().endswith("`` `x` a_b ``")
    rows = [re.sub(r"\\.", "", line) for line in said.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1

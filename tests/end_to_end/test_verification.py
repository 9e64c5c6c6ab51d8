"""Rows right in form and false in fact: found by rules or a judge, accepted by a person, and accounted for."""

import json
import re
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, completion, configure, rawtune, write_row

PASSAGES = 6


@pytest.fixture
def project(tmp_path: Path, endpoint: Endpoint) -> Path:
    assert rawtune(tmp_path, "init", "book", "--example", "zhouyi-zh").returncode == 0
    folder = tmp_path / "book"
    raw = folder / "raw" / "hexagrams.txt"
    raw.write_text("\n\n".join(raw.read_text(encoding="utf-8").split("\n\n")[:PASSAGES]), encoding="utf-8")
    configure(folder, {"  model": "openai:local", "  base_url": endpoint.url, "  reply_format": "text"})
    return folder


def row_of(concept: str, answer: str) -> str:
    return f'content:"{concept}"\nsummary:"{answer}"'


def swapping(request: dict) -> tuple[int, dict]:
    """A good teacher, but for one passage: there upper and lower trigram change places."""
    passage = request["messages"][1]["content"]
    if passage.startswith("蒙卦"):
        return 200, completion(row_of("蒙卦", "蒙卦的上卦为坎，象征水；下卦为艮，象征山。"))
    return 200, completion(write_row(request))


def verified(project: Path) -> dict:
    stages = json.loads(rawtune(project, "status", "--json").stdout)["stages"]
    summary: dict = next(stage for stage in stages if stage["name"] == "verify")["summary"]
    return summary


def test_a_swapped_relation_goes_into_quarantine_with_sentence_and_passage(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = swapping
    ran = rawtune(project, "verify")
    assert ran.returncode == 0, ran.stderr
    assert "RT205 1" in ran.stderr
    summary = verified(project)
    assert (summary["passages"], summary["kept"], summary["quarantined"], summary["failed"]) == (PASSAGES, 5, 1, 0)
    assert summary["rules"]["RT205"] == 1
    (entry,) = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    assert entry["row"]["content"] == "蒙卦"
    (finding,) = [finding for finding in entry["findings"] if finding["code"] == "RT205"]
    assert "坎" in entry["row"]["summary"][finding["start"] : finding["end"]]
    assert "上" in entry["text"][finding["source_start"] : finding["source_end"]]
    assert rawtune(project, "export").returncode == 0
    exported = next((project / "datasets").glob("*.manifest.json")).read_text(encoding="utf-8")
    assert json.loads(exported)["counts"]["rules"]["RT205"] == 1
    assert "蒙卦" not in next((project / "datasets").glob("book_dataset_??????????????*[0-9].csv")).read_text(
        "utf-8-sig"
    )


def test_a_person_may_accept_a_finding_or_leave_a_rule_out_and_no_call_is_made(
    project: Path, endpoint: Endpoint
) -> None:
    endpoint.answer = swapping
    rawtune(project, "verify")
    asked = len(endpoint.asked)
    (entry,) = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    codes = ", ".join(entry["rules"])
    (project / "rawtune.noqa").write_text(f"{entry['id']} {codes}  # 原文如此\n", encoding="utf-8")
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["kept"] == PASSAGES
    (project / "rawtune.noqa").unlink()
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["quarantined"] == 1
    configure(project, {"  ignore": "[RT2]"})
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["kept"] == PASSAGES
    assert len(endpoint.asked) == asked


def test_what_verification_quarantined_is_asked_anew_by_retry(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = swapping
    rawtune(project, "verify")
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    assert rawtune(project, "retry", "--rule", "RT205").returncode == 0
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["kept"] == PASSAGES
    assert verified(project)["rules"].get("RT205", 0) == 0


def test_too_many_false_rows_close_the_gate(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = swapping
    configure(project, {"  max_quarantined": "0"})
    ran = rawtune(project, "verify")
    assert ran.returncode == 1
    assert "more in quarantine than synthesis.max_quarantined allows" in ran.stderr


def judging(verdicts: dict[str, str]):
    """An endpoint that writes rows and judges them: every sentence as ``verdicts`` say of its concept."""

    def answer(request: dict) -> tuple[int, dict]:
        text = request["messages"][1]["content"]
        if "<原文>" not in text and "<材料>" not in text:
            return swapping(request)
        passage = re.search(r"<(?:原文|材料)>\n(.*?)\n</", text, re.DOTALL)[1]
        sentences = re.search(r"<(?:回答|稿件)>\n(.*?)\n</", text, re.DOTALL)[1].strip().splitlines()
        verdict = next((verdicts[name] for name in verdicts if passage.startswith(name)), "支持")
        quote = passage.splitlines()[1].split("。")[0]
        entries = [{"sentence": n, "quote": quote, "verdict": verdict} for n in range(1, len(sentences) + 1)]
        return 200, completion(json.dumps({"sentences": entries}, ensure_ascii=False))

    return answer


def test_a_judge_votes_twice_and_its_votes_are_paid_for_once(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = judging({"乾卦": "矛盾"})
    configure(project, {"  ignore": "[RT203, RT204, RT205]", "  judge": "teacher"})
    ran = rawtune(project, "verify")
    assert ran.returncode == 0, ran.stderr
    summary = verified(project)
    assert (summary["kept"], summary["quarantined"]) == (PASSAGES - 1, 1)
    assert summary["rules"]["RT206"] >= 1
    assert len(endpoint.asked) == PASSAGES + 2 * PASSAGES
    (entry,) = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    assert entry["text"].startswith("乾卦")
    configure(project, {"  severity": "{RT206: warning}"})
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["kept"] == PASSAGES
    assert len(endpoint.asked) == PASSAGES + 2 * PASSAGES


def test_a_judge_that_fails_is_no_verdict_and_the_next_run_asks_again(project: Path, endpoint: Endpoint) -> None:
    good = judging({})

    def failing(request: dict) -> tuple[int, dict]:
        text = request["messages"][1]["content"]
        if ("<原文>" in text or "<材料>" in text) and "坤卦的" in text:
            return 400, {"error": {"message": "no"}}
        return good(request)

    endpoint.answer = failing
    configure(project, {"  ignore": "[RT203, RT204, RT205]", "  judge": "teacher"})
    ran = rawtune(project, "verify")
    assert ran.returncode == 1
    assert "could not be judged" in ran.stderr
    endpoint.answer = good
    assert rawtune(project, "verify").returncode == 0
    assert verified(project)["kept"] == PASSAGES


def test_a_teacher_that_cannot_write_cannot_judge(project: Path) -> None:
    configure(project, {"  judge": "embedded:smollm2"})
    ran = rawtune(project, "verify")
    assert ran.returncode == 2
    assert "can only pick sentences" in ran.stderr

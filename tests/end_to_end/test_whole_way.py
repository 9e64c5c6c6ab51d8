"""Raw text to report with real parts: a local endpoint or the embedded model as teacher, a real (tiny) student."""

import csv
import hashlib
import json
import re
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, configure, make_project, rawtune, report


@pytest.mark.parametrize("model", ["openai:local", "langchain:openai:local"])
def test_chinese_corpus_through_an_endpoint(tmp_path: Path, student: Path, endpoint: Endpoint, model: str) -> None:
    project = make_project(tmp_path, student, model, endpoint.url)
    ran = rawtune(project, "run", OPENAI_API_KEY="sk-secret")
    assert ran.returncode == 0, ran.stderr
    assert "8 kept + 0 quarantined + 0 failed = 8 passages" in ran.stderr
    assert len(endpoint.asked) == 8

    found = report(project)
    counts = found["counts"]
    assert counts["passages"] == counts["kept"] + counts["quarantined"] + counts["failed"] == 8
    assert counts["train_rows"] == 6 * 20
    assert counts["held_out_rows"] == 6 * 5 + 2 * 5
    for arm in found["arms"]:
        score = arm["scores"]["phrasing"]["chrf"]
        assert score["low"] <= score["estimate"] <= score["high"]
        assert score["n"] == 30
    assert list(found["seconds"]) == ["read", "synthesise", "verify", "augment", "export", "train", "compare"]
    assert found["peak_rss_mb"] > 100
    assert len(found["examples"]) == 5

    (dataset,) = project.glob("datasets/book_dataset_????????_??????.csv")
    data = dataset.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfcontent,summary\r\n")
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    assert len(rows) == 1 + 120
    manifest = json.loads(dataset.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    stamp = re.search(r"\d{8}_\d{6}", dataset.name)
    assert stamp
    (adapter,) = project.glob("models/*")
    assert adapter.name == f"tiny-epoch1-{stamp.group()}"
    assert (adapter / "adapter_model.safetensors").exists()

    everything = "".join(path.read_bytes().decode("utf-8", "ignore") for path in project.rglob("*") if path.is_file())
    assert "sk-secret" not in everything + ran.stderr + ran.stdout
    assert "\\u4e" not in everything


def test_second_run_does_nothing_and_a_change_says_why(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    configure(project, {"  price": "{input: 10, output: 100, currency: CNY}"})
    first = rawtune(project, "export")
    assert "8 calls made for this project, 0.0240 CNY" in first.stderr
    again = rawtune(project, "export")
    assert "everything is current" in again.stdout
    assert len(endpoint.asked) == 8

    configure(project, {"  temperature": "0.9"})
    assert "settings under 'teacher' changed" in rawtune(project, "status").stdout
    with (project / "raw" / "hexagrams.txt").open("a", encoding="utf-8") as raw:
        raw.write("\n\n井卦\n井卦讲的是水井。井不搬家，人来打水。\n")
    configure(project, {"  temperature": "0.3"})
    assert "raw/hexagrams.txt changed" in rawtune(project, "status").stdout
    assert rawtune(project, "export").returncode == 0
    assert len(endpoint.asked) == 9, "only the new passage is paid for"


def test_embedded_teacher_picks_sentences_of_the_passage(tmp_path: Path, student: Path) -> None:
    project = make_project(tmp_path, student, "embedded:smollm2", None, language="en", passages=3)
    configure(project, {"  held_out": "0"})
    ran = rawtune(project, "run")
    assert ran.returncode == 0, ran.stderr
    assert "this teacher cannot write" in ran.stderr
    found = report(project)
    assert found["counts"]["origins"]["picked"] + found["counts"]["origins"]["extracted"] == 3
    assert found["verdict"] == "not shown", "three passages cannot show anything"
    raw = (project / "raw" / "hexagrams.txt").read_text(encoding="utf-8")
    for answer in found["answers"]:
        for sentence in re.findall(r"[^.]+\.", answer["reference"]):
            assert sentence.strip() in raw


def test_a_broken_reply_is_asked_again_with_its_fault_and_then_quarantined(
    tmp_path: Path, student: Path, endpoint: Endpoint
) -> None:
    from tests.end_to_end.harness import completion, write_row

    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    configure(project, {"  max_quarantined": "0.5", "  reply_format": "text"})

    def answer(request: dict) -> tuple[int, dict]:
        row = write_row(request)
        if "蒙卦" in row:
            return 200, completion(row + '\nsource:"易经"')
        if "需卦" in row and len(request["messages"]) == 2:
            return 200, completion(row.replace("summary", "interpretation"))
        return 200, completion(row)

    endpoint.answer = answer
    ran = rawtune(project, "export")
    assert ran.returncode == 0, ran.stderr
    assert "7 kept + 1 quarantined + 0 failed = 8 passages" in ran.stderr
    assert len(endpoint.asked) == 6 + 3 + 2
    repeated = [request for request in endpoint.asked if len(request["messages"]) == 4]
    assert any("'source'" in request["messages"][-1]["content"] for request in repeated)
    listed = rawtune(project, "status", "--quarantine").stdout
    assert "RT111" in listed
    assert "raw/hexagrams.txt:" in listed
    assert 'source:"易经"' in listed


def test_try_shows_everything_and_is_not_paid_for_again(tmp_path: Path, student: Path, endpoint: Endpoint) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url)
    tried = rawtune(project, "try", "--passage", "3")
    assert tried.returncode == 0, tried.stderr
    for part in (
        "# 任务",
        "# 示例",
        "# 返回格式",
        "屯卦是《易经》的第三卦",
        '{"content": "屯卦", "summary":',
        "content: 屯卦",
        "tokens: 100 in, 20 out",
    ):
        assert part in tried.stdout
    assert rawtune(project, "synth").returncode == 0
    assert len(endpoint.asked) == 8
    beyond = rawtune(project, "try", "--passage", "9")
    assert beyond.returncode == 2
    assert "1 to 8" in beyond.stderr

"""Questions of other kinds, other wordings and the refusal suite, through an endpoint that holds to a schema."""

import json
import re
from pathlib import Path
from typing import Any

from tests.end_to_end.harness import Endpoint, completion, configure, make_project, rawtune, write_row


def author(request: dict[str, Any]) -> tuple[int, Any]:
    """A good teacher, but for a number that it makes up once; of rows, the harness's."""
    schema = request["response_format"]["json_schema"]["schema"]["properties"]
    if "content" in schema:
        return 200, completion(write_row(request))
    asked = request["messages"][1]["content"]
    if "found" in schema:
        return 200, completion(json.dumps({"found": {"quote": ""}}))
    concept = re.search(r"Concept: (.*)", asked)
    assert concept
    name, *_ = concept[1].split(" (")
    row = re.search(r"Answer: (.*)", asked)
    texts = {
        "why": {"question": f"Why is {name} read from the bottom?", "answer": f"The lines of {name} are unbroken."},
        "unanswerable": {"question": f"In which century was {name} first printed?"},
        "1": {"answer": f"{row[1] if row else ''} So it stands."},
    }
    if name == "Qian" and len(request["messages"]) < 4:
        texts["why"]["answer"] = "Because it has 4711 lines."
    return 200, completion(json.dumps({part: texts[part] for part in schema}))


def test_an_endpoints_rows_are_verified_and_exported_and_paid_once(
    tmp_path: Path, student: Path, endpoint: Endpoint
) -> None:
    project = make_project(tmp_path, student, "openai:local", endpoint.url, "en")
    endpoint.answer = author
    configure(project, {"  kinds": "[why, unanswerable]", "  answers": "2", "  variants": "4"})
    ran = rawtune(project, "export")
    assert ran.returncode == 0, ran.stderr
    assert "kinds: asked for 2 x 6 + 2 of held-out passages; kept 14, refused 0" in ran.stderr
    assert "wordings: asked for 1 x 6; kept 6, refused 0" in ran.stderr
    again = [asked for asked in endpoint.asked if "4711" in asked["messages"][-2]["content"]]
    assert len(again) == 1
    assert "holds 4711, which the passage does not" in again[0]["messages"][-1]["content"]

    (provenance,) = project.glob("datasets/*.provenance.jsonl")
    lines = [json.loads(line) for line in provenance.read_text(encoding="utf-8").splitlines()]
    assert sum(line["template"] == "kind:why" for line in lines) == 6
    assert sum(line["suite"] == "refusal" for line in lines) == 2
    assert {line["split"] for line in lines if line["suite"] == "refusal"} == {"held_out"}
    calls = len(endpoint.asked)
    assert "everything is current" in rawtune(project, "export").stdout
    assert len(endpoint.asked) == calls

"""A file judged by two processes says what it says when judged by one."""

import json

import pytest

from rawtune.config import Verification
from rawtune.linter import ahead, lint
from rawtune.linter.lint import Lint

ROWS = [
    {"question": "蒙卦代表什么？", "answer": "蒙卦上艮下坎，山下出泉，象征启蒙。", "concept": "蒙卦"},
    {"question": "屯卦代表什么？", "answer": "屯卦象征艰难。source：“《易经》。”", "concept": "屯卦"},
    {"question": "What is Meng?", "answer": "Meng is a spring at the", "concept": "Meng"},
    {"question": "屯卦是什么？", "answer": "蒙卦上艮下坎，山下出泉，象征启蒙。", "concept": "屯卦"},
    {"question": "What is {concept}?", "answer": "<br>It is “youth.", "concept": "Meng"},
    {
        "messages": [
            {"role": "system", "content": "Answer {name}.</s>"},
            *({"role": role, "content": "Meng is ``` youth."} for role in ("user", "assistant") * 2),
        ]
    },
    {"question": "蒙卦代表什么？", "answer": "蒙卦上艮下坎，山下出泉，象征启蒙。", "concept": "蒙卦"},
]


@pytest.mark.parametrize("kind", ["columns", "messages"])
def test_two_processes_find_what_one_finds(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(lint, "_LARGE", 0)
    monkeypatch.setattr(lint.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead, "_CHUNK", 3)
    monkeypatch.setattr(ahead, "_CHUNKS", 2)
    rows = [row for row in ROWS if ("messages" in row) is (kind == "messages")] * 3
    file = tmp_path / "rows.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join([*lines[:4], "{broken", *lines[4:]]), encoding="utf-8")
    settings = Verification(ignore=("RT301",))
    one, two = list(Lint(file, settings)), list(Lint(file, settings, ahead=True))
    assert len(one) == len(rows) + 1
    assert any(checked.findings for checked in one)
    assert one == two

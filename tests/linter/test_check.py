"""``rawtune check`` as a user runs it: files in, findings and files out, exit codes."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rawtune.cli.check import check
from rawtune.verification.rulebook import RULES

GOOD = [
    ("蒙卦代表什么？", "蒙卦上艮下坎，山下出泉，象征启蒙。"),
    ("What does Meng mean?", "Meng is a spring at the foot of a mountain."),
]
BAD = [("屯卦是什么？", "屯卦象征艰难。\nsource：“《易经》。”"), ("What is {concept}?", "It is a spring, they say.")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, rows, columns=("content", "summary")):
    with Path(name).open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return name


def run(*arguments, code=0):
    result = CliRunner().invoke(check, [str(argument) for argument in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    assert (result.return_value or 0) == code, result.output
    return result


def read(name):
    with Path(name).open(encoding="utf-8-sig", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_a_clean_file_is_clean():
    result = run(write("a.csv", GOOD))
    assert "2 rows = 2 clean + 0 with warnings only + 0 with errors" in result.stdout
    assert "RT2xx left out" in result.stderr


def test_findings_name_file_line_rule_and_show_the_span():
    result = run(write("数据.csv", [*GOOD, *BAD]), code=1)
    assert "数据.csv:4: error RT101 'summary' holds a key" in result.stdout
    assert "⟦source：“⟧" in result.stdout.replace(" ", "")
    assert "数据.csv:6: error RT103 'content' holds" in result.stdout
    assert "4 rows = 2 clean + 0 with warnings only + 2 with errors" in result.stdout


def test_json_has_the_promised_shape():
    result = run(write("a.csv", [*GOOD, *BAD]), "--json", code=1)
    report = json.loads(result.stdout)
    assert set(report) == {"file", "rows", "findings", "summary"}
    assert (report["file"], report["rows"]) == ("a.csv", 4)
    first = report["findings"][0]
    assert set(first) == {"row", "line", "code", "severity", "column", "start", "end", "message", "fixable"}
    assert (first["row"], first["line"], first["code"], first["column"]) == (3, 4, "RT101", "summary")
    assert BAD[0][1][first["start"] : first["end"]].strip().startswith("source")
    assert "\\u" not in result.stdout
    assert report["summary"]["rows_with_errors"] == 2
    assert report["summary"]["by_rule"]["RT103"] == 1


def test_sarif_names_rules_places_and_levels():
    log = json.loads(run(write("a.csv", [*GOOD, *BAD]), "--sarif", code=1).stdout)
    (ran,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert {rule["id"] for rule in ran["tool"]["driver"]["rules"]} == set(RULES)
    results = ran["results"]
    assert [result["ruleId"] for result in results] == ["RT101", "RT103"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a.csv"}, "region": {"startLine": 4}}
    assert results[0]["level"] == "error"


def test_rules_are_selected_and_ignored():
    name = write("a.csv", BAD)
    run(name, "--select", "RT4,RT7")
    run(name, "--ignore", "RT101,RT103")
    assert "RT103" not in run(name, "--ignore", "RT103", code=1).stdout


def test_a_warning_fails_only_on_demand():
    name = write("a.csv", [("你们的邮箱是什么？", "请写信到 li.wei@kaimen-tech.cn，我们会尽快回复您。")])
    assert "1 with warnings only" in run(name).stdout
    run(name, "--fail-on", "warning", code=1)


def test_fixes_go_to_a_file_beside_and_leave_the_original(here):
    rows = [*GOOD, ("屯卦是什么？", "屯卦象征艰难。<|im_end|>"), BAD[1]]
    name = write("a.csv", rows)
    before = Path(name).read_bytes()
    result = run(name, "--fix", code=1)
    assert Path(name).read_bytes() == before
    assert read("a.fixed.csv") == [*GOOD, ("屯卦是什么？", "屯卦象征艰难。"), BAD[1]]
    assert "a.fixed.csv: 4 rows, 1 of them fixed" in result.stderr
    assert "RT107" not in result.stdout


def test_in_place_changes_the_file_itself(here):
    name = write("a.csv", [*GOOD, ("屯卦是什么？", "屯卦象征艰难。<|im_end|>")])
    run(name, "--fix", "--in-place")
    assert read(name)[2] == ("屯卦是什么？", "屯卦象征艰难。")
    assert {path.name for path in here.iterdir()} == {name}


def test_quarantine_parts_the_rows_and_loses_none():
    rows = [*GOOD, *BAD]
    result = run(write("a.csv", rows), "--quarantine", "bad.csv", code=1)
    assert read("bad.csv") == BAD
    assert read("a.kept.csv") == GOOD
    assert "bad.csv: 2 rows with errors" in result.stderr


def test_marks_accept_what_was_looked_at_and_notice_a_changed_row():
    name = write("a.csv", [*GOOD, *BAD])
    run(name, "--mark", code=1)
    assert "What is {concept}?" in Path("a.csv.noqa").read_text(encoding="utf-8")
    run(name)
    write("a.csv", [*GOOD, BAD[0], ("What is {name}?", BAD[1][1])])
    result = run(name, code=1)
    assert "RT103" in result.stdout
    assert "1 marks of a.csv.noqa fit no row" in result.stderr


def test_a_project_s_settings_hold_where_it_is():
    Path("rawtune.yaml").write_text("name: p\nverification:\n  ignore: [RT103]\n  severity: {RT101: warning}\n")
    name = write("a.csv", BAD)
    assert "1 with warnings only + 0 with errors" in run(name).stdout


def test_grounding_names_sentence_and_passage():
    Path("raw").mkdir()
    passage = "蒙卦\n蒙卦的上卦为艮，象征山；下卦为坎，象征水。山下有泉水流出，是启蒙之象。"
    other = "屯卦\n屯卦的上卦为坎，象征水；下卦为震，象征雷。万物初生，充满艰难。"
    Path("raw/a.txt").write_text(f"{passage}\n\n{other}\n", encoding="utf-8")
    name = write("a.csv", [("蒙卦是什么？", "蒙卦下卦为艮，上卦为坎，山下有泉水流出。")])
    findings = json.loads(run(name, "--source", "raw", "--json", code=1).stdout)["findings"]
    (swap,) = [finding for finding in findings if finding["code"] == "RT205"]
    text = f"{passage}\n\n{other}\n"
    source = swap["source"]
    assert source["file"] == "a.txt"
    assert text[source["start"] : source["end"]] == source["text"]
    assert "艮" in source["text"]
    assert run(name, "--source", "raw/a.txt", "--select", "RT205", code=1).stdout.count("RT205") == 2


def test_every_row_counts_even_one_that_cannot_be_read():
    Path("a.jsonl").write_text(
        '{"question": "问", "answer": "答案是这样的。"}\n{"question": \n\n[1]\n', encoding="utf-8"
    )
    report = json.loads(run("a.jsonl", "--json", code=1).stdout)
    assert report["rows"] == 3
    assert [(finding["row"], finding["line"], finding["code"]) for finding in report["findings"]] == [
        (2, 2, "RT100"),
        (3, 4, "RT100"),
    ]


def test_turns_of_a_talk_are_named_by_their_place():
    messages = [
        {"role": "user", "content": "蒙卦是什么？"},
        {"role": "assistant", "content": "蒙卦象征启蒙。"},
        {"role": "user", "content": "那屯卦呢？"},
        {"role": "assistant", "content": '屯卦象征艰难。"'},
    ]
    Path("a.jsonl").write_text(json.dumps({"messages": messages}, ensure_ascii=False) + "\n", encoding="utf-8")
    (finding,) = json.loads(run("a.jsonl", "--json", code=1).stdout)["findings"]
    assert (finding["code"], finding["column"]) == ("RT102", "messages[3].content")


def test_a_conversation_is_compared_as_a_whole():
    first = [["蒙卦代表什么？", "蒙卦上艮下坎，山下出泉，象征启蒙。"]]
    second = [["What does Meng mean?", "Meng is a spring at the foot of a mountain."]]
    follow_ups = [
        ("然后呢？", "学生应当主动求教。", json.dumps(first, ensure_ascii=False)),
        ("然后呢？", "老师并不去找学生。", json.dumps(second)),
    ]
    columns = ("content", "summary", "history")
    rows = [(*pair, "") for pair in GOOD]
    run(write("a.csv", [*rows, *follow_ups], columns))
    run(write("b.csv", [*rows, *follow_ups, follow_ups[0]], columns), code=1)
    (finding,) = json.loads(run("b.csv", "--json", code=1).stdout)["findings"]
    assert (finding["code"], finding["message"]) == ("RT401", "'content' repeats row 3, with its answer")


def test_rules_are_explained():
    assert "RT402 near-same-question" in run("--explain", "rt402").stdout
    assert run("--explain", "all").stdout.count("RT") > 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "--sarif"], "give one of"),
        (["--in-place"], "goes with --fix"),
        (["--quarantine", "a.csv"], "another file"),
        (["--columns", "one"], "name two columns"),
        (["--explain", "RT000"], "there is no rule"),
        (["--select", "XX"], "no rule's code begins with 'XX'"),
        (["--columns", "a,b"], "a"),
    ],
)
def test_wrong_use_is_explained(arguments, said):
    write("a.csv", GOOD)
    with pytest.raises(Exception, match=said):
        run("a.csv", *arguments)


def test_what_a_model_wrote_does_not_drive_the_terminal():
    name = write("a.csv", [("屯卦是什么？", "屯卦\x1b[31m象征艰难\x07。")])
    result = run(name, code=1)
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_an_answer_that_no_passage_supports_is_found_and_a_short_one_left_alone():
    Path("raw").mkdir()
    Path("raw/a.txt").write_text("退货\n自签收之日起七天内可以无理由退货，运费由买家承担。\n", encoding="utf-8")
    rows = [
        ("指南针是什么做的？", "古代的水手用白银打造指南针，并且把它献给南方的港口。"),
        ("可以退货吗？", "可以。"),
        ("几天内可以退货？", "自签收之日起七天内可以无理由退货。"),
    ]
    findings = json.loads(run(write("a.csv", rows), "--source", "raw", "--json", code=1).stdout)["findings"]
    assert [(finding["row"], finding["code"]) for finding in findings] == [(1, "RT200")]


def test_a_row_that_cannot_be_read_is_named_as_a_row():
    Path("a.jsonl").write_text('{"question": "问", "answer": "答案是这样的。"}\n{"question": 3, "answer": "答"}\n')
    assert "a.jsonl:2: error RT100 the row cannot be read: " in run("a.jsonl", code=1).stdout


def test_families_and_faults_of_replies_are_explained_too():
    assert "RT113 (a reply of the teacher)" in run("--explain", "RT113").stdout
    assert run("--explain", "rt4").stdout.count("RT4") >= 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--mark", "--fix"], "goes without --fix"), (["--quarantine", "no/b.csv"], "there is no folder")],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(arguments, said, here):
    write("a.csv", BAD)
    with pytest.raises(Exception, match=said):
        run("a.csv", *arguments)
    assert {path.name for path in here.iterdir()} == {"a.csv"}


def test_the_address_of_a_file_in_sarif_is_a_valid_one():
    log = json.loads(run(write("a b 退.csv", BAD), "--sarif", code=1).stdout)
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b%20%E9%80%80.csv"


@pytest.mark.parametrize(
    ("second", "code"),
    [
        ({"question": "蒙卦是什么？", "answer": "蒙卦象征启蒙，如同山下的泉水。"}, "RT401"),
        ({"question": "什么是蒙卦？", "answer": "蒙卦象征启蒙，如同山下的泉水。", "split": "test"}, "RT502"),
    ],
)
def test_what_is_left_after_the_fixes_is_judged_as_it_then_stands(second, code):
    first = {"question": "蒙卦是什么？", "answer": "蒙卦象征启蒙，如同山下的泉水。<|im_end|>", "split": "train"}
    rows = [first, {"split": "train", **second}]
    Path("a.jsonl").write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    assert code in run("a.jsonl", "--fix", code=1).stdout
    assert code in run("a.fixed.jsonl", code=1).stdout


def test_names_of_columns_and_concepts_do_not_drive_the_terminal_either():
    row = {"concept": "\x1b]0;x\x07红", "\x1b[31m问题": "什么？", "\x1b[2J回答": "启蒙。<|im_end|>"}
    Path("a.jsonl").write_text(f"{json.dumps(row, ensure_ascii=False)}\n", encoding="utf-8")
    result = run("a.jsonl", "--columns", "\x1b[31m问题,\x1b[2J回答", code=1)
    assert "\x1b" not in result.stdout + result.stderr


def test_what_is_private_is_not_printed():
    key, card = "sk-abcDEF1234567890abcDEF12abcDEF12", "4111 1111 1111 1111"
    rows = [("密钥是什么？", f"密钥是 {key}，请妥善保存。"), ("卡号是什么？", f"卡号是 {card}，请勿外传。")]
    result = run(write("a.csv", rows), code=1)
    assert "RT704" in result.stdout
    assert key not in result.stdout
    assert "⟦sk-***" in result.stdout
    assert card not in result.stdout


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"instruction": "蒙卦是什么？", "input": "", "output": "蒙卦象征启蒙。"}, "system"),
        (
            {"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "It is youth."}]},
            "messages[0].content",
        ),
    ],
)
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("请回答{name}的问题，你是老师。", "RT103"),
        ("有问题请写信给 zhang.wei@huaxin-dianzi.com.cn。", "RT701"),
        ("你是老师。<|im_end|>", "RT107"),
        ("你是老师，请用简体中文回答", ""),
        ('Reply as JSON: {"answer": "..."}', ""),
    ],
)
def test_system_messages_are_judged_too(row, column, told, code):
    if column == "system":
        row = {**row, "system": told}
    else:
        row = {"messages": [{"role": "system", "content": told}, *row["messages"]]}
    Path("a.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    result = run("a.jsonl", "--select", "RT1,RT7", "--fail-on", "warning", code=1 if code else 0)
    assert (f"{code} '{column}'" in result.stdout) == bool(code)
    assert "zhang.wei" not in result.stdout


def test_what_like_questions_share_is_no_concept():
    asked = [(f"买了{number}天可以退吗", "可以的亲，七天内退货，<br>保持吊牌完好。") for number in "三四五"]
    assert "bad rows about" not in run(write("a.csv", [*GOOD, *asked]), code=1).stdout
    named = [(f"{name}{asks}", f"{name}<br>。") for name in ("蒙卦", "屯卦") for asks in ("是什么？", "代表什么？")]
    assert "2 bad rows about 蒙卦" in run(write("b.csv", named), code=1).stdout

"""Rows through an endpoint that misbehaves, a budget that ends, and a person who stops and goes on."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, completion, configure, environment, rawtune, write_row

PASSAGES = 12
PRICE = "{input: 1000, output: 5000, currency: CNY}"  # 0.2 a call of this endpoint


@pytest.fixture
def project(tmp_path: Path, endpoint: Endpoint) -> Path:
    """A project of twelve hexagrams in two files."""
    assert rawtune(tmp_path, "init", "book", "--example", "zhouyi-zh").returncode == 0
    folder = tmp_path / "book"
    whole = folder / "raw" / "hexagrams.txt"
    samples = whole.read_text(encoding="utf-8").split("\n\n")[:PASSAGES]
    whole.unlink()
    (folder / "raw" / "上经.txt").write_text("\n\n".join(samples[:8]), encoding="utf-8")
    (folder / "raw" / "下经.txt").write_text("\n\n".join(samples[8:]), encoding="utf-8")
    configure(folder, {"  model": "openai:local", "  base_url": endpoint.url})
    return folder


def passages_asked(endpoint: Endpoint) -> Counter[str]:
    return Counter(request["messages"][1]["content"] for request in endpoint.asked)


def figures(project: Path) -> dict:
    return json.loads(rawtune(project, "synth", "--json").stdout)["stages"]["synthesise"]


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rawtune", *arguments],
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def signal_at(endpoint: Endpoint, number: int, by: signal.Signals, process: list[subprocess.Popen[str]]) -> None:
    """Let the endpoint send the program a signal before it answers the call of this number."""

    def answer(request: dict) -> tuple[int, dict]:
        if len(endpoint.asked) == number:
            process[0].send_signal(by)
        return 200, completion(write_row(request))

    endpoint.answer = answer


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_brings_home_what_is_in_flight_and_the_next_run_asks_for_the_rest(
    project: Path, endpoint: Endpoint, by: signal.Signals
) -> None:
    running: list[subprocess.Popen[str]] = []
    signal_at(endpoint, 3, by, running)
    running.append(start(project, "synth"))
    _, said = running[0].communicate(timeout=60)
    assert running[0].returncode == 130, said
    assert "in flight are brought home; press Ctrl-C again" in said
    assert 3 <= len(endpoint.asked) < PASSAGES
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    assert figures(project)["kept"] == PASSAGES
    assert set(passages_asked(endpoint).values()) == {1}, "nothing was asked twice"


def test_three_kills_cost_no_more_than_the_calls_in_flight(project: Path, endpoint: Endpoint) -> None:
    for _ in range(3):
        running: list[subprocess.Popen[str]] = []
        signal_at(endpoint, len(endpoint.asked) + 2, signal.SIGKILL, running)
        running.append(start(project, "synth"))
        running[0].communicate(timeout=60)
        assert running[0].returncode == -signal.SIGKILL
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    last = figures(project)
    assert (last["passages"], last["kept"], last["failed"]) == (PASSAGES, PASSAGES, 0)
    in_flight_at_most = 8
    assert len(endpoint.asked) <= PASSAGES + 3 * in_flight_at_most


def test_the_budget_is_kept_and_a_higher_one_goes_on(project: Path, endpoint: Endpoint) -> None:
    # One call is reserved with 800 reply tokens: 4 and the prompt. Spent are 0.2.
    configure(project, {"  price": PRICE, "  budget": "6", "  confirm_above": "null"})
    stopped = rawtune(project, "synth")
    assert stopped.returncode == 1
    assert "the budget of 6 does not allow another call" in stopped.stderr
    spent = 0.2 * len(endpoint.asked)
    assert 0 < spent <= 6
    configure(project, {"  budget": "600"})
    assert figures(project)["kept"] == PASSAGES
    assert set(passages_asked(endpoint).values()) == {1}


def test_nothing_dear_is_begun_unasked(project: Path, endpoint: Endpoint) -> None:
    configure(project, {"  price": PRICE, "  confirm_above": "1"})
    refused = rawtune(project, "synth")
    assert refused.returncode == 1
    assert "forecast for the other 9 passages: 1.80 CNY (95% interval 1.80 to 1.80)" in refused.stderr
    assert "--yes" in refused.stderr
    assert len(endpoint.asked) == 3, "the pilot"
    assert rawtune(project, "synth", "--yes").returncode == 0
    assert len(endpoint.asked) == PASSAGES


def test_a_budget_without_a_price_is_refused(project: Path, endpoint: Endpoint) -> None:
    configure(project, {"  budget": "6"})
    refused = rawtune(project, "synth")
    assert refused.returncode == 2
    assert "teacher.price" in refused.stderr
    assert not endpoint.asked


def test_pilot_print_fresh_and_reparse(project: Path, endpoint: Endpoint) -> None:
    pilot = rawtune(project, "synth", "--pilot", "4")
    assert pilot.returncode == 0, pilot.stderr
    assert "pilot of 4 of 12 passages:" in pilot.stderr
    assert "forecast for the other 8 passages: cost unknown" in pilot.stdout
    assert len(endpoint.asked) == 4
    status = rawtune(project, "status").stdout
    assert "raw/上经.txt: 8 passages: 3 kept, 0 quarantined, 0 failed, 5 to do" in status
    assert "raw/下经.txt: 4 passages: 1 kept, 0 quarantined, 0 failed, 3 to do" in status

    whole = rawtune(project, "synth", "--print")
    assert whole.returncode == 0, whole.stderr
    assert "履卦" in whole.stderr, "every row is shown as it comes"
    assert len(endpoint.asked) == PASSAGES

    endpoint.answer = lambda _: pytest.fail("no call is to be made")
    reparsed = rawtune(project, "synth", "--reparse", "--json")
    assert json.loads(reparsed.stdout)["stages"]["synthesise"]["kept"] == PASSAGES
    assert len(endpoint.asked) == PASSAGES

    endpoint.answer = lambda request: (200, completion(write_row(request)))
    assert rawtune(project, "synth", "--fresh").returncode == 0
    assert set(passages_asked(endpoint).values()) == {2}
    assert rawtune(project, "synth", "--fresh", "--reparse").returncode == 2


def test_quarantine_is_a_work_list(project: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    def answer(request: dict) -> tuple[int, dict]:
        row = write_row(request)
        return 200, completion(row.replace('"summary"', '"interpretation"') if "蒙卦" in row or "比卦" in row else row)

    endpoint.answer = answer
    assert figures(project)["quarantined"] == 2
    listed = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    assert [entry["rules"] for entry in listed] == [["RT110", "RT111"]] * 2
    assert "interpretation" in listed[0]["reply"]
    assert listed[0]["text"].startswith("蒙卦")

    listed[0] |= {"content": "蒙卦", "summary": "蒙卦讲启蒙。"}
    work = tmp_path / "list.json"
    work.write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
    edited = rawtune(project, "retry", "--edited", str(work), "--json")
    assert json.loads(edited.stdout)["stages"]["synthesise"]["edited"] == 1, edited.stderr

    assert figures(project)["quarantined"] == 1
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    task = tmp_path / "task.txt"
    task.write_text("请用一句话写一条训练样本。", encoding="utf-8")
    before = len(endpoint.asked)
    retried = rawtune(project, "retry", "--rule", "RT111", "--task", str(task), "--model", "openai:larger")
    assert retried.returncode == 0, retried.stderr
    (again,) = endpoint.asked[before:]
    assert again["model"] == "larger"
    assert "请用一句话写一条训练样本。" in again["messages"][0]["content"]
    assert "everything is current" in rawtune(project, "synth").stdout, "what retry brought lasts"
    assert rawtune(project, "synth", "--fresh").returncode == 0
    assert figures(project)["edited"] == 1, "what a person wrote lasts"


def test_what_retry_brought_lasts_and_it_asks_about_nothing_else(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: (200, completion("{}"))
    assert rawtune(project, "synth", "--pilot", "3").returncode == 1, "it brought no row"
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    before = len(endpoint.asked)
    retried = rawtune(project, "retry", "--model", "openai:larger")
    assert "9 passages are still to be asked: rawtune synth" in retried.stderr
    assert len(endpoint.asked) == before + 3
    assert figures(project)["kept"] == PASSAGES
    reparsed = rawtune(project, "synth", "--reparse")
    assert "9 passages read again, 0 are to be asked again, 3 have no reply by these settings" in reparsed.stderr
    assert len(endpoint.asked) == before + PASSAGES


def test_what_a_person_wrote_lasts_through_reparse(project: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = lambda request: (200, completion("{}" if "蒙卦" in write_row(request) else write_row(request)))
    rawtune(project, "synth")
    (entry,) = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    work = tmp_path / "list.json"
    work.write_text(json.dumps([entry | {"content": "蒙卦", "summary": "蒙卦讲启蒙。"}], ensure_ascii=False), "utf-8")
    assert rawtune(project, "retry", "--edited", str(work)).returncode == 0
    assert rawtune(project, "synth", "--reparse").returncode == 0
    assert figures(project)["edited"] == 1


def test_fresh_changes_nothing_until_it_was_agreed_to(project: Path, endpoint: Endpoint) -> None:
    configure(project, {"  price": PRICE})
    assert rawtune(project, "synth", "--yes").returncode == 0
    configure(project, {"  confirm_above": "1"})
    refused = rawtune(project, "synth", "--fresh")
    assert refused.returncode == 1
    assert "everything is current" in rawtune(project, "synth").stdout
    configure(project, {"  budget": "3"})
    stopped = rawtune(project, "synth", "--fresh", "--yes")
    assert stopped.returncode == 1
    assert "go on with rawtune synth: it goes on from here" in stopped.stderr


def test_a_retry_that_fails_says_so_and_one_of_nothing_changes_nothing(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda request: (200, completion("{}" if "蒙卦" in write_row(request) else write_row(request)))
    rawtune(project, "synth")
    nothing = rawtune(project, "retry", "--rule", "RT999")
    assert nothing.returncode == 2
    assert "RT999" in nothing.stderr
    assert "everything is current" in rawtune(project, "synth").stdout
    endpoint.answer = lambda _: (400, {"error": {"message": "odd"}})
    failed = rawtune(project, "retry")
    assert failed.returncode == 1
    assert "1 of 1 passages failed" in failed.stderr


def test_a_killed_retry_goes_on_without_paying_again(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: (200, completion("{}"))
    configure(project, {"  pilot": "0", "  repeats": "0", "  concurrency": "1"})
    rawtune(project, "synth")
    before = len(endpoint.asked)
    running: list[subprocess.Popen[str]] = []
    signal_at(endpoint, before + 6, signal.SIGKILL, running)
    running.append(start(project, "retry"))
    running[0].communicate(timeout=60)
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    assert rawtune(project, "retry").returncode == 0
    assert figures(project)["kept"] == PASSAGES
    assert len(endpoint.asked) <= before + PASSAGES + 1, "one call was in flight"


def test_an_error_that_stops_all_loses_no_call_in_flight(project: Path, endpoint: Endpoint) -> None:
    def answer(request: dict) -> tuple[int, dict]:
        return (402, {"error": {"message": "no money"}}) if len(endpoint.asked) == 6 else (200, completion("{}"))

    endpoint.answer = answer
    stopped = rawtune(project, "synth")
    assert stopped.returncode == 1
    assert "no money" in stopped.stderr
    endpoint.answer = lambda request: (200, completion(write_row(request)))
    asked = Counter(json.dumps(request["messages"]) for request in endpoint.asked)
    rawtune(project, "synth")
    again = Counter(json.dumps(request["messages"]) for request in endpoint.asked) - asked
    assert max((asked + again).values()) <= 2, "at most the refused one is sent again"
    assert sum(count == 2 for count in (asked + again).values()) <= 1


def test_rows_by_hand_keep_the_rules(project: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = lambda request: (200, completion("{}" if "蒙卦" in write_row(request) else write_row(request)))
    rawtune(project, "synth")
    listed = json.loads(rawtune(project, "status", "--quarantine", "--json").stdout)
    work = tmp_path / "list.json"
    work.write_text(
        json.dumps([listed[0] | {"content": "蒙卦", "summary": "他说“启蒙。"}], ensure_ascii=False), "utf-8"
    )
    refused = rawtune(project, "retry", "--edited", str(work))
    assert refused.returncode == 1
    assert "row 1" in refused.stderr
    assert "“”" in refused.stderr
    work.write_text('[{"passage": "unknown", "content": "a", "summary": "b."}]', encoding="utf-8")
    assert rawtune(project, "retry", "--edited", str(work)).returncode == 2
    work.write_text("content,summary", encoding="utf-8")
    assert rawtune(project, "retry", "--edited", str(work)).returncode == 2


def test_the_form_of_replies_is_found_out_once(project: Path, endpoint: Endpoint) -> None:
    def answer(request: dict) -> tuple[int, dict]:
        if request.get("response_format", {}).get("type") == "json_schema":
            return 400, {"error": {"message": "response_format json_schema is not supported"}}
        return 200, completion(write_row(request))

    endpoint.answer = answer
    assert figures(project)["kept"] == PASSAGES
    forms = Counter(request["response_format"]["type"] for request in endpoint.asked)
    assert forms == {"json_schema": 3, "json_object": PASSAGES}, "it is found out with the pilot's passages"
    with (project / "raw" / "下经.txt").open("a", encoding="utf-8") as raw:
        raw.write("\n\n井卦\n井卦讲的是水井。井不搬家，人来打水。\n")
    assert figures(project)["kept"] == PASSAGES + 1
    assert endpoint.asked[-1]["response_format"]["type"] == "json_object", "it is remembered"


def test_the_log_tells_what_happened_without_the_text(project: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda request: (200, completion("{}" if "蒙卦" in write_row(request) else write_row(request)))
    rawtune(project, "synth")
    lines = (project / ".rawtune" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    ended = Counter(event["state"] for event in events if event["event"] == "passage")
    assert ended == {"kept": PASSAGES - 1, "quarantined": 1}
    (account,) = (event for event in events if event["event"] == "account")
    assert [event["stage"] for event in events if event["event"] == "began"] == ["read", "synthesise"]
    assert (account["kept"], account["quarantined"], account["failed"]) == (PASSAGES - 1, 1, 0)
    assert "乾卦" not in "".join(lines)


def test_coverage_names_the_sentences_that_no_row_draws_on(project: Path, endpoint: Endpoint) -> None:
    assert rawtune(project, "synth").returncode == 0
    covered = json.loads(rawtune(project, "status", "--coverage", "--json").stdout)
    assert len(covered) == PASSAGES
    first = covered[0]
    asked = next(request for request in endpoint.asked if request["messages"][1]["content"].startswith("乾卦"))
    row = json.loads(write_row(asked))["summary"]
    assert first["not_drawn_on"]
    assert all(sentence not in row for sentence in first["not_drawn_on"])
    assert "12 of 12 passages have sentences" in rawtune(project, "status", "--coverage").stdout

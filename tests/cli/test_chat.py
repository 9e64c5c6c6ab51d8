"""``rawtune chat`` and what comes of it: lines of a pipe, a terminal, and the way from a verdict to a dataset."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.end_to_end.harness import Endpoint, completion, configure, environment
from tests.stages.compared import make_adapter, make_book
from tests.tiny_model import make_tiny_model

from rawtune.cli import app
from rawtune.cli.chat import Screen, in_terminal
from rawtune.cli.conversation import Conversation
from rawtune.comparison import answers
from rawtune.errors import UsageError
from rawtune.ledger.feedback import Verdict
from rawtune.project import Project

ASKED = {
    "en": ("What animal does Kun resemble?", "Kun is compared to a mare, strong enough for long distances."),
    "zh": ("坤卦像什么动物？", "坤卦的卦辞以母马为喻，取其柔顺而能行远。"),
}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("student") / "tiny")


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory, student: Path) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("one", "two")):
        make_adapter(folder / name, student, seed)
    return folder


@pytest.fixture
def book(tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    book = make_book(tmp_path, student, "en")
    monkeypatch.chdir(book)
    return book


def chat(typed: str | bytes, *arguments: str):
    return CliRunner().invoke(app, ["chat", *arguments], input=typed, catch_exceptions=False)


def synth(*arguments: str):
    return CliRunner().invoke(app, ["synth", "--from", "feedback", *arguments], standalone_mode=False)


def test_several_adapters_answer_side_by_side_as_in_the_comparison(book, adapters):
    ran = chat("What is Kun?\n坤卦呢？\n/quit\nnever\n", str(adapters / "*"))
    assert ran.exit_code == 0
    assert ran.stderr == ""
    lines = ran.stdout.splitlines()
    assert [line for line in lines if line in ("base", "one", "two")] == ["base", "one", "two"] * 2
    assert "never" not in ran.stdout
    with Project() as opened:
        lineup = opened.chat([adapters / "one", adapters / "two"])
        model, tokenizer = lineup._model, lineup._tokenizer
        said = {name: lineup.answer(name, "What is Kun?", (), lambda text: None) for name in lineup.names}
        ids = tokenizer("<|im_start|>user\nWhat is Kun?<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
        with model.disable_adapter():
            assert said["base"] == answers.answer(model, tokenizer, [ids], 4, 1)[0]
        model.set_adapter(lineup._slots["two"])
        assert said["two"] == answers.answer(model, tokenizer, [ids], 4, 1)[0]
    assert len(set(said.values())) == 3


def test_without_base_and_without_anything(book, adapters):
    assert "base" not in chat("Kun?\n", "--no-base", str(adapters / "one")).stdout
    assert chat("Kun?\n").stdout.startswith("base\n"), "nothing was trained: base alone"
    with pytest.raises(UsageError, match="no model to talk with"):
        chat("Kun?\n", "--no-base")
    with pytest.raises(UsageError, match="there is no such folder"):
        chat("Kun?\n", "models/none")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_pipe_of_utf8_is_asked_and_kept_as_it_is(book, encoding):
    typed = "坤卦像什么动物？\n/bad\n坤卦以母马为喻。\n".encode(encoding)
    assert chat(typed, "--no-base", "--endpoint", "scripted:").exit_code == 0
    with Project() as opened:
        (one,) = opened.feedback()
    assert (one.question, one.correction) == ("坤卦像什么动物？", "坤卦以母马为喻。")


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("坤卦像什么动物？\n/good\n".encode("gbk"), "line 1"),
        (b"Kun?\nA caf\xe9?\n/good\n", "line 2: not UTF-8 .byte 5 "),
    ],
)
def test_a_pipe_that_is_not_utf8_is_named_and_nothing_of_it_is_kept(book, typed, place):
    with pytest.raises(UsageError, match=rf"standard input, {place}") as raised:
        chat(typed, "--no-base", "--endpoint", "scripted:")
    assert "iconv -f GB18030 -t UTF-8" in raised.value.hint
    with Project() as opened:
        assert list(opened.feedback()) == []


def test_a_conversation_that_is_too_long_for_the_model_says_so(book):
    ran = chat(f"{'Kun and the earth. ' * 400}\nKun?\n")
    assert "reads 1024" in ran.stdout
    assert "hint: begin another one with /clear" in ran.stdout
    assert ran.stdout.count("base\n") == 2


def test_an_endpoint_gets_the_whole_conversation_and_is_paid_once(book):
    endpoint = Endpoint()
    endpoint.answer = lambda request: (200, completion("\x1b[2JKun.\n"))
    configure(book, {"  model": "openai:local", "  base_url": endpoint.url})
    try:
        for _ in range(2):
            ran = chat("Who?\nAnd why?\n/good\n", "--no-base", "--endpoint", "openai:local")
            assert ran.stdout == "openai:local\n\\x1b[2JKun.\n" * 2 + "kept\n"
        assert len(endpoint.asked) == 2
        assert [(turn["role"], turn["content"]) for turn in endpoint.asked[1]["messages"]] == [
            ("user", "Who?"),
            ("assistant", "\x1b[2JKun."),
            ("user", "And why?"),
        ]
        assert endpoint.asked[1]["temperature"] == 0
        endpoint.answer = lambda request: (400, {"error": {"message": "no \x07"}})
        ran = chat("Other?\n/good\n", "--no-base", "--endpoint", "openai:local")
        assert (ran.exit_code, "HTTP 400: no" in ran.stdout, "\x07" in ran.stdout) == (0, True, False)
    finally:
        endpoint.close()
    with Project() as opened:
        (one,) = opened.feedback()
    assert (one.model, one.question, len(one.history)) == ("openai:local", "And why?", 2)
    with pytest.raises(UsageError, match="can only pick sentences"):
        chat("Kun?\n", "--no-base", "--endpoint", "embedded:smollm2")


@pytest.mark.parametrize("language", ASKED)
def test_a_correction_becomes_a_row_of_the_next_dataset(tmp_path, student, monkeypatch, language):
    book = make_book(tmp_path, student, language)
    monkeypatch.chdir(book)
    question, right = ASKED[language]
    with Project() as opened:
        opened.train()
    ran = chat(f"{question}\n/bad tiny\n{right}\n\n{question}\n/good nobody\n")
    assert ran.exit_code == 0
    assert "kept with the right answer" in ran.stdout
    ran = synth()
    assert (ran.return_value, ran.stderr.splitlines()[-1:]) == (0, [])
    assert ran.stdout == (
        "1 taken + 0 already here + 0 held out + 0 no passage + 0 refused + 0 waiting = 1 verdicts\n"
        "go on with: rawtune run\n"
    )
    with Project() as opened:
        assert [state.name for state in opened.status() if not state.current][:2] == ["augment", "export"]
        path = opened.export()
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [question, right] in list(csv.reader(file))
    lines = path.with_suffix(".provenance.jsonl").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in map(json.loads, lines) if line["template"] == "feedback"]
    assert (line["origin"], line["suite"], line["split"]) == ("edited", None, "train")


def test_what_somebody_has_to_look_at_is_named(book):
    ran = synth()
    assert (ran.return_value, ran.stdout.splitlines()[-1]) == (0, "give some in: rawtune chat")
    chat("Who wrote Faust?\n/bad\nGoethe wrote Faust, in two parts.\n")
    ran = synth()
    assert ran.return_value == 1
    assert "no passage: Who wrote Faust? (base): no passage of this project speaks of it" in ran.stdout
    told = json.loads(synth("--json").stdout)
    assert (told["feedback"], told["no_passage"], told["ended"][0]["fate"]) == (1, 1, "no passage")
    with Project() as opened:
        (one,) = opened.feedback()
    assert (one.verdict, one.correction) == (Verdict.BAD, "Goethe wrote Faust, in two parts."), "the end ends it, too"


def program(*arguments: str, **streams) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "rawtune", "chat", *arguments], env=environment(), **streams)


def test_a_verdict_outlives_a_kill(book):
    process = program(
        "--no-base", "--endpoint", "scripted:", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        process.stdin.write("Kun?\n/bad\n")
        process.stdin.flush()
        assert "kept" in next(line for line in process.stdout if line.startswith("kept"))
        process.kill()
    with Project() as opened:
        (one,) = opened.feedback()
    assert (one.model, one.question, one.verdict, one.correction) == ("scripted:", "Kun?", Verdict.BAD, "")


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (["Kun?", EOFError], ["Kun?"]),
        (["Kun?", "/quit"], ["Kun?"]),
        ([KeyboardInterrupt, "Kun?", KeyboardInterrupt, KeyboardInterrupt], ["Kun?"]),
        (["Kun?", "/bad", "half a corr", KeyboardInterrupt, "Meng?", EOFError], ["Kun?", "Meng?"]),
    ],
)
def test_how_a_terminal_ends(monkeypatch, capsys, typed, asked):
    questions, kept, prompts, lines = [], [], [], iter(typed)

    def read(prompt: str) -> str:
        prompts.append(prompt)
        line = next(lines)
        if isinstance(line, str):
            return line
        raise line

    def answer(name, question, history, on_text):
        questions.append(question)
        on_text("Earth.")
        return "Earth."

    monkeypatch.setattr("builtins.input", read)
    in_terminal(Conversation(["base"], answer, kept.append, Screen()), ["base"])
    assert questions == asked
    assert list(lines) == []
    assert all(one.correction == "" for one in kept)
    assert ("Ctrl-C again ends" in capsys.readouterr().out) is (typed[0] is KeyboardInterrupt)
    assert prompts[0] == "> "

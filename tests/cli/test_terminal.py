import pytest

from rawtune.cli.terminal import Terminal


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal() as terminal:
        terminal.begin("synthesise")
        terminal.say("pilot [red]of[/red] 3")
        for done in range(1, 101):
            terminal.advance(done, 100, f"{done} kept")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[2/7] synthesise"
    assert lines[1] == "pilot [red]of[/red] 3", "what models write is not markup"
    assert lines[-1] == "  100/100 100 kept"
    assert len(lines) < 10, "a line every few seconds, not one a row"


def test_a_bar_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with Terminal() as terminal:
        terminal.begin("train")
        terminal.advance(1, 4, "loss 2.00")
        terminal.advance(4, 4, "loss 1.00")
        terminal.begin("compare")
    assert "loss 2.00" in capsys.readouterr().err


@pytest.mark.parametrize("live", [False, True])
def test_what_models_write_cannot_drive_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    evil, shown = "蒙\x1b]0;owned\x07\u202e", "蒙\\x1b]0;owned\\x07\\u202e"
    if live:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("COLUMNS", "200")
    with Terminal(details=True) as terminal:
        terminal.say(evil)
        terminal.detail(lambda: f"{evil}\n{evil}")
        terminal.advance(1, 1, f"{evil}\nerror: no")
    said = capsys.readouterr().err
    assert said.count(shown) >= 4
    assert f"{shown} error: no" in said
    assert "\x1b]0" not in said
    assert "\x07" not in said
    assert "\u202e" not in said


def test_the_time_left_is_that_of_the_work_at_hand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers first, then choices: the second count begins anew, and so does its pace."""
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("rawtune.cli.terminal.time.monotonic", lambda: next(clock))
    with Terminal() as terminal:
        terminal.begin("compare")
        for done, total in ((32, 64), (64, 64), (8, 60), (16, 60)):
            terminal.advance(done, total, "answers")
    lines = capsys.readouterr().err.splitlines()[1:]
    assert not [line for line in lines if "-1 day" in line or " · -" in line]
    assert "left" not in lines[2], "of new work the first count tells no pace"
    assert "left" in lines[3]

"""What lines come to, with models that answer as they are told."""

from dataclasses import replace

import pytest

from rawtune.cli.conversation import HELP, Conversation
from rawtune.errors import Interrupted, UsageError
from rawtune.ledger.feedback import Feedback, Verdict
from rawtune.records import Message


class Screen:
    def __init__(self) -> None:
        self.text = ""

    def name(self, number, model):
        self.text += f"[{number} {model}]"

    def piece(self, text):
        self.text += text

    def line(self, text):
        self.text += text + "\n"


class Talk:
    """A conversation, all that the models were asked, and all that was kept."""

    def __init__(self, *models: str, answer=None) -> None:
        self.asked, self.kept, self.screen = [], [], Screen()
        self.answer = answer or (lambda name, question: f"{name}: {question}")
        self.conversation = Conversation(models, self._answer, self.kept.append, self.screen)

    def _answer(self, name, question, history, on_text):
        self.asked.append((name, question, tuple(history)))
        text = self.answer(name, question)
        for at in range(0, len(text), 3):
            on_text(text[at : at + 3])
        return text

    def say(self, *lines: str) -> bool:
        return [self.conversation.take(f"{line}\n") for line in lines][-1]

    @property
    def verdicts(self):
        return [replace(one, created="") for one in self.kept]


def given(verdict, correction="", **more):
    fields = {"model": "base", "question": "坤卦？", "answer": "base: 坤卦？", **more}
    return Feedback(verdict=verdict, correction=correction, created="", **fields)


def test_every_model_answers_in_its_own_history():
    talk = Talk("base", "tuned")
    assert talk.say("坤卦？", "", "And Meng?")
    assert [(name, question) for name, question, _ in talk.asked] == [
        ("base", "坤卦？"),
        ("tuned", "坤卦？"),
        ("base", "And Meng?"),
        ("tuned", "And Meng?"),
    ]
    assert talk.asked[0][2] == ()
    assert talk.asked[3][2] == (Message("user", "坤卦？"), Message("assistant", "tuned: 坤卦？"))
    assert talk.screen.text.startswith("[0 base]base: 坤卦？\n[1 tuned]tuned: 坤卦？\n")
    talk.say("/clear", "Again?")
    assert talk.asked[-1][2] == ()


@pytest.mark.parametrize("named", ["", " base", " b", " 1"])
def test_good_and_bad_with_and_without_a_right_answer(named):
    talk = Talk("base", "tuned") if named else Talk("base")
    talk.say("坤卦？", f"/good{named}")
    assert talk.verdicts == [given(Verdict.GOOD)]
    talk.say(f"/bad{named}")
    assert talk.verdicts[1:] == [given(Verdict.BAD)], "kept before the right answer is asked for"
    assert talk.conversation.prompt == "... "
    talk.say("象征大地。", "/good also this", "")
    assert talk.verdicts[2:] == [given(Verdict.BAD, "象征大地。\n/good also this")]
    assert talk.conversation.prompt == "> "
    talk.say(f"/bad{named}", "")
    assert talk.verdicts[3:] == [given(Verdict.BAD)]
    assert len({one.id for one in talk.kept}) == 1


def test_the_verdict_names_what_was_said_before():
    talk = Talk("base")
    talk.say("坤卦？", "为什么？", "/good")
    (one,) = talk.kept
    assert (one.question, one.answer) == ("为什么？", "base: 为什么？")
    assert one.history == (Message("user", "坤卦？"), Message("assistant", "base: 坤卦？"))


def test_a_right_answer_may_end_with_the_input_or_be_dropped():
    talk = Talk("base")
    talk.say("坤卦？", "/bad", "大地。")
    talk.conversation.end()
    talk.conversation.end()
    assert talk.verdicts == [given(Verdict.BAD), given(Verdict.BAD, "大地。")]
    talk.say("/bad", "大")
    assert talk.conversation.drop()
    assert not talk.conversation.drop()
    talk.conversation.end()
    assert len(talk.kept) == 3
    assert talk.conversation.prompt == "> "


def test_what_cannot_be_done_is_said():
    talk = Talk("alpha", "alike")
    talk.say("/good 1")
    assert talk.screen.text == "there is no answer yet\n"
    talk.say("Kun?")
    for line in ("/good", "/bad al", "/bad 3"):
        talk.screen.text = ""
        talk.say(line)
        assert talk.screen.text == "which model? 1 alpha, 2 alike\n"
    talk.say("/etc\x1b[2J", "/help")
    assert "/etc\\x1b[2J is no command" in talk.screen.text
    assert talk.screen.text.endswith(f"{HELP}\n")
    assert talk.kept == []
    assert not talk.say("/quit")
    assert talk.say(" /etc holds what?")
    assert talk.asked[-1][1] == "/etc holds what?"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), Interrupted("interrupted")])
def test_an_answer_that_is_stopped_can_be_corrected_and_not_praised(interrupt):
    talk = Talk("base", "tuned")

    def stop(name, question, history, on_text):
        talk.asked.append(name)
        on_text("Kun is")
        raise interrupt

    talk.conversation._answer = stop
    assert talk.say("Kun?"), "the next model is asked, and the conversation goes on"
    assert talk.asked == ["base", "tuned"]
    assert talk.screen.text.count("Kun is [stopped]\n") == 2
    talk.say("/good base")
    assert talk.kept == []
    talk.say("/bad base", "Kun is the earth.", "")
    assert talk.kept[-1].answer == "Kun is"
    assert talk.kept[-1].correction == "Kun is the earth."


@pytest.mark.parametrize("questions", [("Kun?", "And Meng?"), ("坤卦？", "蒙卦呢？")])
def test_a_stopped_answer_stays_so_where_the_next_question_fails(questions):
    talk = Talk("base")

    def stop(name, question, history, on_text):
        on_text("half")
        raise KeyboardInterrupt

    def fail(name, question, history, on_text):
        raise UsageError("too long", "begin anew")

    talk.conversation._answer = stop
    talk.say(questions[0])
    talk.conversation._answer = fail
    talk.say(questions[1], "/good")
    assert talk.kept == []
    assert "the answer is not whole" in talk.screen.text
    talk.conversation._answer = talk._answer
    talk.say(questions[1], "/good")
    assert [one.question for one in talk.kept] == [questions[1]]


def test_a_model_that_fails_leaves_the_conversation_as_it_was():
    def fail(name, question):
        if name == "base":
            raise UsageError("too\x07 long", "begin anew")
        return "yes"

    talk = Talk("base", "tuned", answer=fail)
    assert talk.say("Kun?")
    assert talk.screen.text == "[0 base]too\\x07 long\nhint: begin anew\n[1 tuned]yes\n"
    talk.say("/good base")
    assert talk.kept == []
    talk.answer = lambda name, question: ""
    talk.say("Meng?", "/good tuned")
    assert talk.asked[-2][2] == ()
    assert "[no answer]" in talk.screen.text
    assert talk.kept == [], "nothing was said that could be good"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\x08\x7f\x9b31m", "a\\rb\\x08\\x7f\\x9b31m"),
        ("x\u202ey\u2066\u2028", "x\\u202ey\\u2066\\u2028"),
        ("坤卦\n\tKun, 🐎 é", "坤卦\n\tKun, 🐎 é"),
    ],
)
def test_a_model_cannot_give_orders_to_the_terminal(text, shown):
    talk = Talk("base", answer=lambda name, question: text)
    talk.say("Kun?", "/good")
    assert shown in talk.screen.text
    assert talk.kept[0].answer == text, "it is stored as it was said"


def test_halves_of_surrogate_pairs_are_no_text():
    talk = Talk("base")
    talk.say("Kun \udce5?")
    assert talk.asked[0][1] == "Kun ??"

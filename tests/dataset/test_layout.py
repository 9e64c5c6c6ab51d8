"""Where in a row its findings stand."""

from rawtune.dataset.chats import Chat
from rawtune.dataset.columns import Alpaca
from rawtune.dataset.layout import placed
from rawtune.records import Finding


def found(column, start, end):
    return Finding("RT102", f"'{column}' holds 'x'", column, start, end)


def test_what_is_found_in_the_input_is_told_of_the_input():
    (turn,) = Alpaca("instruction", "input", "output").turns(
        {"instruction": "解释：", "input": "蒙卦", "output": "泉。"}
    )
    assert turn.texts == {"instruction": "解释：\n蒙卦", "input": "蒙卦", "output": "泉。"}
    findings = [
        found("instruction", 1, 2),
        found("instruction", 5, 6),
        found("instruction", 0, 6),
        found("output", 0, 1),
    ]
    assert placed(findings, turn) == [
        found("instruction", 1, 2),
        found("input", 1, 2),
        found("instruction", 0, 3),
        found("output", 0, 1),
    ]


def test_an_instruction_without_input_keeps_its_findings():
    (turn,) = Alpaca("instruction", "input", "output").turns({"instruction": "What?", "input": "", "output": "A."})
    assert placed([found("instruction", 0, 5)], turn) == [found("instruction", 0, 5)]


def test_a_question_with_several_answers_is_told_of_once():
    roles = ["user", "assistant", "tool", "assistant", "user", "assistant"]
    row = {"messages": [{"role": role, "content": f"{role} 说"} for role in roles]}
    turns = Chat("messages", "messages").turns(row)
    assert [turn.repeated for turn in turns] == [False, True, False]
    told = [
        finding.column
        for turn in turns
        for finding in placed([found(turn.question_column, 0, 1), found(turn.answer_column, 0, 1)], turn)
    ]
    assert told == [f"messages[{at}].content" for at in (0, 1, 3, 4, 5)]

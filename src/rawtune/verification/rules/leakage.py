"""RT5xx: what a question, or a test, gives away."""

import re
from collections.abc import Iterator

from rawtune.verification.crossing import is_training
from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.seen import Seen

_RUN = 6
"""Characters of the runs that are compared."""
# What leaves a text as it was, or takes a part of it; then what words it anew.
_CHOICES = (
    r"\b(?:correct|fix|edit|proofread|grammar|punctuate|repeat|extract|classify|choose|which (?:of|one)|sort|quote)\b"
    r"|改正|纠正|修改|病句|标点|[提抽]取|摘录|选择|排序|分类|重复|朗读|哪一?[个项句]"
)
_CHOICE = re.compile(_CHOICES, re.IGNORECASE)
_TASK = re.compile(
    rf"{_CHOICES}|\b(?:rewrite|rephrase|paraphrase|capitali[sz]e|summari[sz]e|translate)\b|改写|润色|译|重写|摘要|总结|概括|复述|[缩扩续]写",
    re.IGNORECASE,
)
_GIVEN = re.compile(r"[:：\n\"“「『《`]")


@rule("RT501", "answer-in-question")
def answer_in_question(row: Row, *, share: float = 0.8, shortest: int = 12) -> Iterator[Spot]:
    """The question holds its answer, or the answer only repeats the question.

    There is nothing to learn from such a row, and its loss is so low that it looks like the best of all. A question
    that brings a text to be worked on (corrected, summarised, chosen from) is left alone.

    Bad:
        蒙卦是什么？蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦象征启蒙，如同山下流出的泉水。
        Since Meng is a spring at the foot of a mountain, what is it? | Meng is a spring at the foot of a mountain.
    Good:
        What is the capital of France? | The capital of France is Paris.
        Correct this sentence: he go to school every day. | He goes to school every day.
    """
    # What is shared is no longer than either of them.
    if len(row.answer) < shortest or len(row.question) < share * len(row.answer):
        return
    question, answer = row.question.casefold(), row.answer.casefold().rstrip(" 。.！!？?")
    whole = answer in question
    if not whole:
        runs = {answer[at : at + _RUN] for at in range(len(answer) - _RUN + 1)}
        held = sum(run in question for run in runs)
        if not runs or held < share * len(runs):
            return
    at = max(0, question.find(answer[:_RUN]))
    # Of a whole copy, what the question says besides tells whether a text was given to be worked on.
    asked, task = (question.replace(answer, ""), _CHOICE) if whole else (question, _TASK)
    if len(question) > 4 * len(answer) or (task.search(asked) and _GIVEN.search(asked)):
        return
    yield Spot("holds the answer", Column.QUESTION, at, min(len(question), at + len(answer)))


@rule("RT502", "split-crossed", Scope.ROWS)
def split_crossed(row: Row, seen: Seen) -> Iterator[Spot]:
    """A held-out row whose answer stands in a training row, whole or to four fifths.

    The test would ask what was trained, and say nothing about anything else. Compared by runs of eight characters; only
    where a file tells its splits apart.

    Bad:
        蒙卦是什么？ | 蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向。 | 蒙卦 | train
        什么是蒙卦？ | 蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向。 | 蒙卦 | test
    Good:
        蒙卦是什么？ | 蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向。 | 蒙卦 | train
        屯卦是什么？ | 屯卦象征万物初生时的艰难，宜守不宜进。 | 屯卦 | test
    """
    if not is_training(row.split) and (number := seen.crossed.get(row.answer)) is not None:
        yield Spot(f"stands in training row {number}, too", Column.ANSWER, 0, len(row.answer))

"""A judge, which may be any teacher that writes, on base's answers against those of each other arm."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

from rawtune.comparison.arms import BASE
from rawtune.comparison.preference import JUDGED, Preference, prefer
from rawtune.llm import parameters
from rawtune.records import Answer, content_hash
from rawtune.stages.asking import ask_all, unpaid
from rawtune.stages.money import confirm_questions, longest_reply
from rawtune.stages.session import addressed, model_name, with_teacher
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by

_SETTING = "comparison.judge"


def inputs(work: Work) -> dict[str, str]:
    """Who judges; nothing if nobody does."""
    if not work.config.comparison.judge:
        return {}
    judging = with_teacher(work, work.config.comparison.judge)
    return {"the judge": content_hash([model_name(judging), asdict(parameters(judging.config.teacher))])}


def named(work: Work) -> str:
    """The judge's own name; empty if there is none."""
    judge = work.config.comparison.judge
    return with_teacher(work, judge).config.teacher.model if judge else ""


def check(work: Work) -> None:
    """Raise ``UsageError`` for a judge that can only pick sentences, before any work is done for it."""
    if work.config.comparison.judge:
        addressed(with_teacher(work, work.config.comparison.judge), _SETTING)


def preferences(
    work: Work, answers: Sequence[Answer], passages: Mapping[str, str]
) -> dict[str, dict[str, list[tuple[str, Preference]]]]:
    """By arm and suite, the passages asked about with what the judge prefers; empty if none is set.

    Its replies are stored, so they are paid for once. Raises ``RawtuneError`` if calls failed, ``GateFailed`` if the
    money was not agreed to.
    """
    if not work.config.comparison.judge:
        return {}
    judging = with_teacher(work, work.config.comparison.judge)
    asked = partial(prefer, **addressed(judging, _SETTING))
    said = {(answer.model, answer.suite, answer.passage_id, answer.question): answer.text for answer in answers}
    judged = [answer for answer in answers if answer.suite in JUDGED and answer.model != BASE.name]
    talks = {
        str(number): partial(
            asked,
            answer.question,
            passages[answer.passage_id],
            said[BASE.name, answer.suite, answer.passage_id, answer.question],
            answer.text,
        )
        for number, answer in enumerate(judged)
    }
    teacher = judging.config.teacher
    left = ["\n".join(message.content for message in request.messages) for request in unpaid(work, talks.values())]
    confirm_questions(work, left * 2, longest_reply(teacher), teacher)  # in both orders
    told = ask_all(judging, made_by(work), talks.items(), len(talks), "answers judged")
    results = told.whole(f"pairs of answers were not judged by {teacher.model}")
    found: dict[str, dict[str, list[tuple[str, Preference]]]] = {}
    for number, answer in enumerate(judged):
        suites = found.setdefault(answer.model, {})
        suites.setdefault(answer.suite, []).append((answer.passage_id, results[str(number)]))
    return found

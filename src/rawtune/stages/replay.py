"""What the base model answers to general questions before it is tuned; see ``rawtune.training.replay``."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from rawtune.comparison import answers
from rawtune.comparison.harm import REPEATED, repeated
from rawtune.comparison.metrics import words
from rawtune.stages.stage import Work
from rawtune.training import replay, tokens
from rawtune.training.replay import Ask, Replayed


def asking(work: Work, rows: int) -> Ask | None:
    """How the base model is asked for its share beside ``rows`` of an epoch; None if nothing is replayed."""
    share = work.config.training.replay
    return partial(_ask, work, replay.wanted(share, rows)) if share else None


def _ask(work: Work, count: int, model: Any, tokenizer: Any) -> Replayed:
    """``count`` answers that are neither empty nor run in circles, or as many as there are questions for."""
    answer = _stored(work, model, tokenizer)
    questions = iter(replay.questions(work.config.language, work.config.training.seed))
    rows: list[tuple[str, str]] = []
    asked = 0
    while group := list(islice(questions, min(count - len(rows), 2 * work.config.comparison.batch_size))):
        asked += len(group)
        rows += [row for row in zip(group, answer(group), strict=True) if _is_good(row[1])]
        work.progress.advance(len(rows), count, "the base model's own answers")
    told = f"{len(rows)} of the base model's own answers are mixed in, against forgetting"
    if asked > len(rows):
        told += f"; {asked - len(rows)} were empty or ran in circles, and are left out"
    if len(rows) < count:
        told += f"; training.replay asks for {count}, but there are no more questions"
    work.tell(told)
    return Replayed(tuple(rows), asked - len(rows))


def _stored(work: Work, model: Any, tokenizer: Any) -> Callable[[list[str]], list[str]]:
    """Questions to answers, each made once, with the keys that the base model's have in a comparison."""
    settings, student, stored = work.config, work.student_identity, work.ledger.answers()

    def answer(questions: list[str]) -> list[str]:
        ids = {question: tokens.prompt_ids(tokenizer, question) for question in questions}
        keys = {
            question: answers.key(student, settings.training.quantise, "", prompt, replay.LONGEST)
            for question, prompt in ids.items()
        }
        new = [question for question in questions if keys[question] not in stored]
        made = answers.answer(
            model, tokenizer, [ids[question] for question in new], replay.LONGEST, settings.comparison.batch_size
        )
        stored.update(zip((keys[question] for question in new), made, strict=True))
        work.ledger.save_answers(
            {"key": keys[question], "model": "base", "question": question, "text": text}
            for question, text in zip(new, made, strict=True)
        )
        return [stored[keys[question]] for question in questions]

    return answer


def _is_good(answer: str) -> bool:
    return bool(words(answer)) and repeated(answer) <= REPEATED

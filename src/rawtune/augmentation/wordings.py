"""Other wordings of a row's answer, and which question of the row is trained with which."""

import random
from collections.abc import Generator, Mapping, Sequence

from rawtune.augmentation import parts
from rawtune.augmentation.parts import Check, Part
from rawtune.augmentation.writing import prompts
from rawtune.records import Example, Message, Parameters, Reply, ReplyForm, Request


def ask(
    row: Example,
    passage: str,
    number: int,
    check: Check,
    *,
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, dict[str, Part]]:
    """Ask for ``number`` further wordings of a row's answer, each a part with the text ``answer``."""
    texts = prompts(language)
    wanted = {str(at): ("answer",) for at in range(1, number + 1)}
    asked = texts["wordings_user"].replace("<SHAPE>", parts.shape(wanted)).replace("<COUNT>", str(number))
    # What may hold any text goes in last, so that nothing in it is filled.
    asked = asked.replace("<CONCEPT>", row.concept).replace("<ANSWER>", row.answer).replace("<PASSAGE>", passage)
    messages = (Message("system", texts["wordings_system"]), Message("user", asked))
    return (
        yield from parts.ask(
            messages, wanted, check, again=texts["wordings_fault"], model=model, parameters=parameters, form=form
        )
    )


def deal(forms: Sequence[str], answers: Sequence[str], row_id: str) -> Mapping[str, str]:
    """The answer that each question form of a row is trained with: dealt out evenly, and the same in every run.

    Each run of as many forms as there are answers takes all of these, in an order drawn by the row: the forms take one
    family in turn, and with a fixed order a family might always have the same wording. The first of ``answers``, the
    row's own, is dealt first, so that it is never left out.
    """
    drawn = random.Random(row_id)  # noqa: S311 - not for secrets
    dealt: dict[str, str] = {}
    for start in range(0, len(forms), len(answers)):
        order = drawn.sample(answers, len(answers))
        if start == 0:
            order = [answers[0], *(answer for answer in order if answer != answers[0])]
        dealt.update(zip(forms[start : start + len(answers)], order, strict=False))
    return dealt

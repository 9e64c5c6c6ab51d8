"""The question templates that a project uses, and what its users really ask."""

from rawtune.augmentation import questions, writing
from rawtune.augmentation.kinds import PREFIX
from rawtune.ledger.feedback import TEMPLATE
from rawtune.records import Example
from rawtune.stages.stage import Work


def load_templates(work: Work) -> questions.Templates:
    """The templates that the project uses, but for those that the teacher writes.

    Raises ``ConfigError`` for those of the user's file that are unfit, and for questions that cannot be read.
    """
    real_questions(work)
    path = work.config.augmentation.templates
    return questions.load(work.config.language, work.folder / path if path else None)


def real_questions(work: Work) -> list[str]:
    """What the user's users ask; empty if they gave no such file."""
    path = work.config.augmentation.faq
    return writing.read_questions(work.folder / path) if path else []


def asked_as_held_out(row: Example) -> bool:
    """Whether a row asks for its passage's own answer, as held-out questions do.

    Rows of other kinds and of users' feedback hold other answers, some of them only the concept.
    """
    return row.template != TEMPLATE and not (row.template or "").startswith(PREFIX)

"""Synthesised rows to questions: training rows and the held-out suites."""

from rawtune.augmentation import questions
from rawtune.errors import AccountingError
from rawtune.records import Suite, content_hash
from rawtune.stages.stage import Done, Work


def load_templates(work: Work) -> questions.Templates:
    """The templates that the project uses. Raises ``ConfigError`` for those of the user's file that are unfit."""
    path = work.config.augmentation.templates
    return questions.load(work.config.language, work.folder / path if path else None)


def inputs(work: Work) -> dict[str, str]:
    """The synthesised rows and the question templates."""
    return {"synthesised rows": work.output("synthesise"), "question templates": load_templates(work).hash}


def run(work: Work) -> Done:
    """Fill every template with every concept."""
    templates = load_templates(work)
    synthesised = work.ledger.synthesised()
    record = work.ledger.stage("synthesise")
    if record and len(synthesised) != record.summary["kept"]:
        raise AccountingError(f"{record.summary['kept']} rows were kept, but {len(synthesised)} are in the ledger")
    rows = [question for row in synthesised for question in questions.vary(row, templates)]
    work.ledger.save_questions(rows)
    train = [row for row in rows if row.suite is None]
    summary = {
        "train_rows": len(train),
        "distinct_answers": len({row.answer for row in train}),
        "phrasing_rows": sum(row.suite is Suite.PHRASING for row in rows),
        "concept_rows": sum(row.suite is Suite.CONCEPT for row in rows),
    }
    return Done(content_hash([row.id for row in rows]), summary)

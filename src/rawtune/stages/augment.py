"""Synthesised rows to questions: training rows and the held-out suites."""

from collections.abc import Sequence

from rawtune.augmentation import questions
from rawtune.errors import AccountingError
from rawtune.records import Example, Suite, content_hash
from rawtune.stages.stage import Done, Work
from rawtune.verification.answerability import one_concepts_words
from rawtune.verification.rulebook import chosen


def load_templates(work: Work) -> questions.Templates:
    """The templates that the project uses. Raises ``ConfigError`` for those of the user's file that are unfit."""
    path = work.config.augmentation.templates
    return questions.load(work.config.language, work.folder / path if path else None)


def inputs(work: Work) -> dict[str, str]:
    """The verified rows, the question templates, and whether the rule about them is on."""
    return {
        "rule RT601": str(chosen("RT601", work.config.verification)),
        "verified rows": work.output("verify"),
        "question templates": load_templates(work).hash,
    }


def run(work: Work) -> Done:
    """Fill every template with every concept."""
    templates = load_templates(work)
    synthesised = work.ledger.synthesised()
    record = work.ledger.stage("verify")
    if record and len(synthesised) != record.summary["kept"]:
        raise AccountingError(f"{record.summary['kept']} rows were kept, but {len(synthesised)} are in the ledger")
    unfit = _unfit(work, templates, synthesised)
    rows = [question for row in synthesised for question in questions.vary(row, templates, unfit.get(row.concept, ()))]
    work.ledger.save_questions(rows)
    train = [row for row in rows if row.suite is None]
    summary = {
        "train_rows": len(train),
        "distinct_answers": len({row.answer for row in train}),
        "phrasing_rows": sum(row.suite is Suite.PHRASING for row in rows),
        "concept_rows": sum(row.suite is Suite.CONCEPT for row in rows),
        "questions_left_out": sum(len(unfit.get(row.concept, ())) for row in synthesised),
    }
    return Done(content_hash([row.id for row in rows]), summary)


def _unfit(work: Work, templates: questions.Templates, rows: Sequence[Example]) -> dict[str, set[str]]:
    """By concept, the templates that ask about what another concept's passages alone speak of (RT601)."""
    if not chosen("RT601", work.config.verification):
        return {}
    passages = {passage.id: passage.text for passage in work.ledger.passages()}
    texts: dict[str, str] = {}
    for row in rows:
        texts[row.concept] = f"{texts.get(row.concept, '')}\n{passages[row.passage_id]}\n{row.answer}"
    lines = (*templates.train, *templates.held_out)
    found = one_concepts_words({line: texts.keys() for line in lines}, texts)
    for line, (word, owner) in found.items():
        work.tell(f"RT601: '{line}' is asked about '{owner}' only: no other passage speaks of '{word}'")
    return {concept: {line for line, (word, owner) in found.items() if owner != concept} for concept in texts if found}

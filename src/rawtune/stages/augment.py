"""Synthesised rows to questions: training rows and the held-out suites."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from rawtune.augmentation import answerable, kinds, questions, writing
from rawtune.augmentation.diversity import diversity
from rawtune.augmentation.variants import order, shares
from rawtune.augmentation.wordings import deal
from rawtune.errors import AccountingError, GateFailed
from rawtune.llm import parameters
from rawtune.records import Example, Reply, Request, Split, Suite, content_hash
from rawtune.stages import enrich, feedback, repeats
from rawtune.stages.asking import ask_one
from rawtune.stages.session import addressed, model_name
from rawtune.stages.stage import Done, Work
from rawtune.stages.templates import load_templates, real_questions
from rawtune.verification.answerability import one_concepts_words
from rawtune.verification.rulebook import chosen

T = TypeVar("T")


def inputs(work: Work) -> dict[str, str]:
    """The verified rows, the templates, how many are drawn, and whether the rule about them is on."""
    settings = work.config.augmentation
    asked = ""
    if settings.written or settings.ask_answerable:
        teacher = [model_name(work), asdict(parameters(work.config.teacher))]
        asked = content_hash([settings.written, real_questions(work), settings.ask_answerable, teacher])
    return {
        "rule RT601": str(chosen("RT601", work.config.verification)),
        "verified rows": work.output("verify"),
        "question templates": load_templates(work).hash,
        "what the teacher is asked about templates": asked,
        "what the teacher makes of rows": enrich.inputs(work),
        "augmentation.variants": str(settings.variants),
        "augmentation.per_concept": str(settings.per_concept),
        **feedback.inputs(work),
    }


def run(work: Work) -> Done:
    """Fill templates with every concept: some of each family to train on, all held-out ones to ask."""
    settings = work.config.augmentation
    templates, written = load_templates(work), writing.Written((), ())
    if settings.written:
        written = _write(work, templates)
        templates = templates.with_family(writing.FAMILY, written.templates)
    synthesised = work.ledger.synthesised()
    record = work.ledger.stage("verify")
    if record and len(synthesised) != record.summary["kept"]:
        raise AccountingError(f"{record.summary['kept']} rows were kept, but {len(synthesised)} are in the ledger")
    unfit = _unfit(work, templates, synthesised)
    if settings.ask_answerable and (lines := _unanswered(work, templates, synthesised)):
        unfit = {row.concept: unfit.get(row.concept, set()) | lines for row in synthesised}
    trained = [row for row in synthesised if row.split is Split.TRAIN]
    allowed = shares([row.concept for row in trained], settings.variants, settings.per_concept)
    forms = _draw(templates, trained, allowed, unfit)
    made = enrich.enrich(work, synthesised, forms)
    parents = {row.id: row for row in synthesised}
    varied = {row.id: list(_vary(row, made, forms, templates, unfit)) for row in synthesised}
    made.rows = [_behind(row, parents, varied) for row in made.rows]
    filled = [question for questions in varied.values() for question in questions]
    repeats.refuse(work, made, filled)
    rows, from_users = feedback.joined(work, _in_order(varied, made.rows), synthesised)
    work.ledger.save_questions(rows)

    train = [row for row in rows if row.suite is None]
    most = min(settings.variants, len(templates.train))
    capped = sum(most - min(share, most) for share in allowed)
    wanted = len(trained) * most + len(synthesised) * len(templates.held_out)
    summary = {
        "train_rows": len(train),
        "distinct_answers": len({row.answer for row in train}),
        "phrasing_rows": sum(row.suite is Suite.PHRASING for row in rows),
        "concept_rows": sum(row.suite is Suite.CONCEPT for row in rows),
        "questions_left_out": wanted - capped - len(filled),
        "questions_capped": capped,
        "templates_written": len(written.templates),
        "templates_refused": len(written.refused),
        "diversity": [figures._asdict() for figures in diversity(list(forms.values()), templates.families)],
    }
    _tell(work, templates, sum(row.suite is None for row in filled), summary)
    asked = [len(forms[row.id]) for row in trained]
    summary |= enrich.close(work, made, asked, len(synthesised) - len(trained), {row.id for row in rows})
    summary |= from_users
    return Done(content_hash([row.id for row in rows]), summary)


def _vary(
    row: Example,
    made: enrich.Enriched,
    forms: Mapping[str, Sequence[str]],
    templates: questions.Templates,
    unfit: Mapping[str, set[str]],
) -> Iterator[Example]:
    """A row's questions; those to train on share out the answers that there are."""
    answers = deal(forms.get(row.id, ()), made.answers.get(row.id, [row.answer]), row.id)
    return questions.vary(row, answers, templates, unfit.get(row.concept, ()))


def _behind(row: Example, parents: Mapping[str, Example], varied: Mapping[str, Sequence[Example]]) -> Example:
    """A row that the teacher made; a follow-up behind what it leans on."""
    if row.template != kinds.PREFIX + kinds.FOLLOW_UP or row.parent is None:
        return row
    return kinds.behind(row, parents[row.parent], varied[row.parent])


def _in_order(varied: Mapping[str, Sequence[Example]], made: Sequence[Example]) -> list[Example]:
    """All rows, those of one parent together."""
    others: dict[str, list[Example]] = {}
    for row in made:
        others.setdefault(row.parent or "", []).append(row)
    return [row for parent, rows in varied.items() for row in (*rows, *others.get(parent, ()))]


def _draw(
    templates: questions.Templates, rows: Sequence[Example], allowed: Sequence[int], unfit: Mapping[str, set[str]]
) -> dict[str, list[str]]:
    """By row, the templates that it is trained with: as many as it is allowed, less where too few suit it."""
    passages, met = Counter(row.concept for row in rows), Counter[str]()
    forms = {}
    for row, share in zip(rows, allowed, strict=True):
        lines = order(templates.to_train, row.concept, met[row.concept], passages[row.concept])
        forms[row.id] = [line for line in lines if line not in unfit.get(row.concept, ())][:share]
        met[row.concept] += 1
    return forms


def _tell(work: Work, templates: questions.Templates, filled: int, summary: Mapping[str, object]) -> None:
    settings = work.config.augmentation
    if len(templates.train) < settings.variants:
        work.tell(f"augmentation.variants is {settings.variants}, but there are only {len(templates.train)} templates")
    work.tell(
        f"{filled} questions to train on, from {len(templates.train)} templates of"
        f" {len(templates.to_train)} families; {summary['phrasing_rows']} + {summary['concept_rows']} only to be asked,"
        f" from {len(templates.held_out)} others"
    )
    if summary["questions_capped"]:
        work.tell(f"augmentation.per_concept ({settings.per_concept}) left out {summary['questions_capped']} questions")
    if summary["questions_left_out"]:
        work.tell(
            f"{summary['questions_left_out']} questions are left out, as their template does not suit the concept"
        )


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


def _write(work: Work, templates: questions.Templates) -> writing.Written:
    """Let the teacher write templates after the user's questions, or after one of each family.

    Raises ``GateFailed`` if it wrote nothing that can be used.
    """
    settings = work.config.augmentation
    asked = real_questions(work)
    shown = writing.examples(asked or [lines[0] for lines in templates.to_train.values()])
    if len(shown) < len(asked):
        work.tell(f"{len(shown)} of the {len(asked)} questions in {settings.faq} are shown to the teacher")
    known = [*templates.train, *templates.held_out]
    written = _talk(work, "written", partial(writing.write, shown, settings.written, known))
    for line in written.templates:
        work.progress.say(f"  {line}")
    for line in written.refused:
        work.progress.say(f"  refused: {line}")
    refused = f"; refused: {len(written.refused)}" if written.refused else ""
    work.tell(f"the teacher wrote {len(written.templates)} of {settings.written} templates{refused}")
    if not written.templates:
        raise GateFailed(
            f"the teacher wrote no template that can be used: {written.refused[0]}",
            "name another teacher, give plainer questions in augmentation.faq, or set augmentation.written to 0",
        )
    return written


def _unanswered(work: Work, templates: questions.Templates, rows: Sequence[Example]) -> set[str]:
    """The templates that do not suit every concept, by the teacher; packaged ones do, and are not asked about.

    Raises ``GateFailed`` if its verdict cannot be read.
    """
    packaged = questions.load(work.config.language)
    known = {*packaged.train, *packaged.held_out}
    lines = [line for line in (*templates.train, *templates.held_out) if line not in known]
    if not lines:
        return set()
    answers = {row.concept: row.answer for row in rows}
    shown = {concept: answers[concept] for concept in writing.examples(list(answers))}
    try:
        unfit = _talk(work, "ask_answerable", partial(answerable.ask, lines, shown))
    except ValueError as fault:
        raise GateFailed(
            f"the teacher was asked which templates do not suit: {fault}",
            "name another teacher, or set augmentation.ask_answerable to false",
        ) from None
    for line, reason in unfit.items():
        work.progress.say(f"  left out: {line} ({reason})")
    work.tell(f"{len(unfit)} of {len(lines)} templates do not suit every concept, by the teacher's verdict")
    return set(unfit)


def _talk(work: Work, setting: str, begin: Callable[..., Generator[Request, Reply, T]]) -> T:
    """What a conversation with the teacher comes to; its replies are stored, so it is paid for once.

    Raises ``UsageError`` for a teacher that only picks, ``TeacherError`` if a call fails.
    """
    return ask_one(work, "augment", partial(begin, **addressed(work, f"augmentation.{setting}")))

"""Which rows of other kinds say what other rows say, or give the test away: found only once all questions are there."""

from collections.abc import Sequence

from rawtune.augmentation.kinds import PREFIX
from rawtune.augmentation.parts import Fault
from rawtune.records import Example, Severity, Split, Suite, told
from rawtune.stages.enrich import Enriched
from rawtune.stages.stage import Work
from rawtune.verification.crossing import crossed, plain
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import RULES, Checker, chosen
from rawtune.verification.seen import Seen


def refuse(work: Work, made: Enriched, varied: Sequence[Example]) -> None:
    """Leave out the rows ``made`` that repeat another one, that the test asks, or that hold a held-out answer.

    Of those that are made to be asked, such whose answer is trained are left out.

    ``varied`` are all other rows: to train on, and those that are asked.
    """
    trained = [row for row in varied if row.suite is None]
    _refuse(made, _asked(made.rows, varied))
    _refuse(made, _repeated(work, made.rows, trained))
    if chosen("RT502", work.config.verification):
        held_out = [row for row in varied if row.suite is Suite.CONCEPT]
        while found := _crossing(made.rows, held_out):
            _refuse(made, found)
        _refuse(made, _given_away(made.rows, trained))


def _refuse(made: Enriched, faults: dict[str, Fault]) -> None:
    for row in made.rows:
        if fault := faults.get(row.id):
            kind = (row.template or "").removeprefix(PREFIX)
            made.refuse(row, kind, {"question": row.question, "answer": row.answer}, fault)
    made.rows = [row for row in made.rows if row.id not in faults]


def _asked(rows: Sequence[Example], varied: Sequence[Example]) -> dict[str, Fault]:
    """Questions that would be trained and asked in the test; where two of these rows share one, the one to train on."""
    sides = {trained: {_whole(row) for row in varied if (row.suite is None) is trained} for trained in (True, False)}
    found = {}
    for row in sorted(rows, key=lambda row: row.suite is None):
        question, trained = _whole(row), row.suite is None
        if question in sides[not trained]:
            found[row.id] = Fault("held-out-question", "the question is asked in the test and trained, too")
        else:
            sides[trained].add(question)
    return found


def _whole(row: Example) -> str:
    """What is asked, with what was said before: the same few words may follow up on anything."""
    return plain(f"{told(row.history)}\n{row.question}")


def _repeated(work: Work, rows: Sequence[Example], trained: Sequence[Example]) -> dict[str, Fault]:
    """What the rules about all rows find in these, read after those of templates."""
    settings = work.config.verification
    codes = tuple(code for code in RULES if code.startswith("RT4") and chosen(code, settings))
    if not rows or not codes:
        return {}

    def read() -> list[Row]:
        columns = work.config.columns
        both = enumerate([*trained, *rows], 1)
        return [
            Row(row.question, row.answer, columns, row.concept, number=number, earlier=told(row.history))
            for number, row in both
        ]

    checker = Checker(settings.model_copy(update={"select": codes, "ignore": ()}), seen=Seen.gather(read))
    found = {}
    for at, row in enumerate(read(), -len(trained)):
        # Two answers to one question are a warning, as they may be meant; here the teacher said again what is asked.
        findings = [f for f in checker.check(row) if f.severity is Severity.ERROR or f.code == "RT404"]
        if findings and at >= 0:
            found[rows[at].id] = Fault(findings[0].code, findings[0].message)
    return found


def _crossing(rows: Sequence[Example], held_out: Sequence[Example]) -> dict[str, Fault]:
    """Rows to train on that hold the answer of a held-out one, some of them at a time."""
    trained = [row for row in rows if row.split is Split.TRAIN]
    numbers = _held(trained, held_out).values()
    return {trained[at].id: Fault("RT502", "the answer of a held-out passage stands in it") for at in numbers}


def _given_away(rows: Sequence[Example], trained: Sequence[Example]) -> dict[str, Fault]:
    """Follow-ups that are only to be asked, whose answer stands in a row to train on."""
    asked = [row for row in rows if row.suite is Suite.FOLLOW_UP]
    held = _held([*trained, *(row for row in rows if row.suite is None)], asked)
    return {row.id: Fault("RT502", "its answer stands in a row to train on") for row in asked if row.answer in held}


def _held(trained: Sequence[Example], held_out: Sequence[Example]) -> dict[str, int]:
    """Answers of ``held_out`` that training holds, each with the index of a row that holds it."""
    answers = dict.fromkeys(row.answer for row in held_out)

    def read() -> list[Row]:
        given = [Row(row.question, row.answer, split="train", number=at) for at, row in enumerate(trained)]
        return [*given, *(Row("", answer, split=Split.HELD_OUT.value) for answer in answers)]

    return crossed(read) if trained and answers else {}

"""What a teacher makes of each row besides: questions of other kinds, other wordings of its answer; all verified."""

from collections import Counter
from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from rawtune.augmentation import kinds, wordings
from rawtune.augmentation.parts import Fault, Part
from rawtune.errors import AccountingError, GateFailed
from rawtune.llm import parameters
from rawtune.passages import sentences
from rawtune.records import Example, Finding, Origin, Passage, Reply, Request, Severity, Split, Suite, content_hash
from rawtune.stages.asking import Talk, ask_all, unpaid
from rawtune.stages.money import confirm_questions, longest_reply
from rawtune.stages.session import addressed, model_name
from rawtune.stages.stage import Work, hash_settings
from rawtune.stages.verify import weights
from rawtune.verification import names, numbers
from rawtune.verification.crossing import plain
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected
from rawtune.verification.weights import Weights

_PREMISE = ("RT201", "RT202", "RT205", "RT3")
"""Rules of an answer that a question, too, is held to: it must not suppose what the passage does not say."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was asked for and is left out, and why."""

    passage: str
    concept: str
    asked_for: str
    question: str
    answer: str
    code: str
    reason: str


@dataclass(slots=True)
class Enriched:
    """Rows of other kinds, further answers by the row that they belong to, and all that is left out."""

    asked: int = 0
    rows: list[Example] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, row: Example, asked_for: str, texts: Mapping[str, str], fault: Fault) -> None:
        """Leave out what was made of ``row``."""
        said = texts.get("question", ""), texts.get("answer", "")
        self.refused.append(Refused(row.passage_id, row.concept, asked_for, *said, *fault))


def inputs(work: Work) -> str:
    """Identity of all that decides what is made, but for the rows; empty if nothing is."""
    settings = work.config.augmentation
    if not settings.kinds and settings.answers == 1:
        return ""
    asked = [settings.kinds, settings.personas, settings.answers]
    teacher = [model_name(work), asdict(parameters(work.config.teacher))]
    return content_hash([*asked, teacher, hash_settings(work.config.verification)])


def further(work: Work, share: int) -> int:
    """How many wordings besides its own answer a row with ``share`` question forms can use."""
    return max(0, min(work.config.augmentation.answers, share) - 1)


def enrich(work: Work, rows: Sequence[Example], forms: Mapping[str, Sequence[str]]) -> Enriched:
    """Ask the teacher for what the settings name. Its replies are stored, so they are paid for once.

    ``forms`` are, by row, the question forms that it is trained with: no more wordings are asked for than these use.
    Raises ``UsageError`` for a teacher that only picks, ``RawtuneError`` if calls failed, ``GateFailed`` if the money
    was not agreed to or nothing at all can be used.
    """
    made = Enriched()
    if not inputs(work):
        return made
    settings = work.config.augmentation
    asking = _Asking(work, made, addressed(work, f"augmentation.{'kinds' if settings.kinds else 'answers'}"))
    shares = [(row, len(forms.get(row.id, ()))) for row in rows]
    talks = {f"{name} of {row.id}": (row, talk) for row, share in shares for name, talk in asking.talks(row, share)}
    more = f"; further wordings of each answer: {settings.answers - 1}" if settings.answers > 1 else ""
    named = ", ".join(settings.kinds) or "no kinds"
    work.progress.say(f"the teacher is asked about {len(rows)} rows: {named}{more}")
    teacher, left = work.config.teacher, _unpaid(work, (talk for _, talk in talks.values()))
    confirm_questions(work, list(left), longest_reply(teacher), teacher)
    begun = ((name, talk) for name, (_, talk) in talks.items())
    found = ask_all(work, "augment", begun, len(talks)).whole("rows could not be asked about")
    for name, (row, _) in talks.items():  # in their order, whichever reply came first
        asking.settle(row, found[name])
    return made


def _unpaid(work: Work, talks: Iterable[Talk[dict[str, Part]]]) -> Iterator[str]:
    """What the teacher will read that it has not answered yet, each part once: only faults make it more."""
    for request in unpaid(work, talks):
        text = "\n".join(message.content for message in request.messages)
        yield text
        if kinds.UNANSWERABLE in text:
            yield text  # it is asked about the passage again


class _Asking:
    """The teacher's tasks for each row, and what comes of them."""

    def __init__(self, work: Work, made: Enriched, how: Mapping[str, Any]) -> None:
        self._work, self._made, self._how = work, made, how
        self._passages = {passage.id: passage for passage in work.ledger.passages()}
        self._weights = weights(work)
        self._checker = Checker(work.config.verification, self._weights)

    def talks(self, row: Example, share: int) -> Iterator[tuple[str, Talk[dict[str, Part]]]]:
        """What the teacher is asked about a row; of a held-out one only what its passage does not answer."""
        settings, passage = self._work.config.augmentation, self._passages[row.passage_id]
        wanted = [kind for kind in settings.kinds if row.split is Split.TRAIN or kind in kinds.OF_HELD_OUT]
        if wanted:
            start, end = sentences.spans(row.answer)[0]
            askers = kinds.personas(row.id, wanted, settings.personas)
            check = partial(self._fault, passage, row)
            said = row.answer[start:end]
            yield "kinds", partial(kinds.ask, row, passage.text, said, askers, check, **self._how)
        if (number := further(self._work, share)) and row.split is Split.TRAIN:

            def talk() -> Generator[Request, Reply, dict[str, Part]]:
                met = {plain(row.answer)}  # a talk may be begun twice
                check = partial(self._unlike, passage, row, met)
                return wordings.ask(row, passage.text, number, check, **self._how)

            yield "wordings", talk

    def settle(self, row: Example, parts: Mapping[str, Part]) -> None:
        """Take what can be used."""
        for name, part in parts.items():
            self._made.asked += 1
            kind = name in self._work.config.augmentation.kinds
            if part.fault:
                self._made.refuse(row, name if kind else "wording", part.texts, part.fault)
            elif kind:
                self._made.rows.append(_example(self._work, row, name, **part.texts))
            else:
                self._made.answers.setdefault(row.id, [row.answer]).append(part.texts["answer"])

    def _fault(self, passage: Passage, row: Example, kind: str, question: str, answer: str) -> Fault | None:
        """What the rules find in an answer, or in what its question supposes."""
        columns = self._work.config.columns
        # The packaged refusal is in no passage, and what it goes on with was verified as a part of the row's answer.
        text = None if kind == kinds.UNANSWERABLE else passage.text
        turned = _row(self._work, passage, row.concept, question, columns[::-1], row.concept, text)
        supposed = [found for found in self._checker.check(turned) if found.code.startswith(_PREMISE)]
        said = _row(self._work, passage, question, answer, columns, row.concept, text)
        return _worst([*self._checker.check(said), *supposed])

    def _unlike(self, passage: Passage, row: Example, met: set[str], _: str, texts: Mapping[str, str]) -> Fault | None:
        """What is wrong with another wording of the row's answer; one that is well is ``met`` from then on."""
        answer, columns = texts["answer"], self._work.config.columns
        said = _row(self._work, passage, row.concept, answer, columns, row.concept, passage.text)
        fault = _worst(self._checker.check(said)) or _lost(row, answer, self._weights)
        if not fault and plain(answer) in met:
            fault = Fault("same-wording", "the answer is there in these words already")
        if not fault:
            met.add(plain(answer))
        return fault


def _row(
    work: Work, passage: Passage, question: str, answer: str, columns: tuple[str, str], concept: str, text: str | None
) -> Row:
    split = "train" if passage.split is Split.TRAIN else passage.split.value
    language = expected(work.config.language, passage.text)
    return Row(question, answer, columns, concept, language, text, split, closed=True)


def _worst(findings: Sequence[Finding]) -> Fault | None:
    """The first error of a row, with the reasons of all."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    return Fault(errors[0].code, "; ".join(finding.message for finding in errors)) if errors else None


def _lost(row: Example, answer: str, weights: Weights) -> Fault | None:
    """What of the row's answer another wording of it leaves out."""
    given = numbers.find(answer)
    for number in numbers.find(row.answer):
        if not any(number.equals(other) for other in given):
            return Fault("number-lost", f"the answer must keep {row.answer[number.start : number.end]}")
    known = answer.casefold()
    if row.concept in row.answer and row.concept.casefold() not in known:
        return Fault("name-lost", f"the answer must keep {row.concept}")
    for start, end in names.strange(row.answer, known, weights):
        return Fault("name-lost", f"the answer must keep {row.answer[start:end]}")
    return None


def _example(work: Work, row: Example, kind: str, question: str, answer: str) -> Example:
    return Example(
        id=content_hash([row.id, kind, question, answer]),
        passage_id=row.passage_id,
        split=row.split,
        concept=row.concept,
        question=question,
        answer=answer,
        origin=Origin.WRITTEN,
        teacher=work.config.teacher.model,
        prompt_hash=kinds.prompt_hash(work.config.language),
        parent=row.id,
        template=kinds.PREFIX + kind,
        suite=kinds.OF_HELD_OUT[kind] if row.split is Split.HELD_OUT else None,
    )


def close(
    work: Work, made: Enriched, shares: Sequence[int], held_out: int, remaining: Container[str]
) -> dict[str, Any]:
    """The account of all that was made, told and as figures; ``shares`` are the numbers of forms of the trained rows.

    ``remaining`` are the ids of all rows of now: users' feedback takes the place of some that were kept.

    Raises ``AccountingError`` if something is missing from it, ``GateFailed`` if nothing could be used.
    """
    if not inputs(work):
        return {}
    settings = work.config.augmentation
    trained, most = len(shares), settings.answers - 1
    about_held_out = held_out * sum(kind in kinds.OF_HELD_OUT for kind in settings.kinds)
    wanted = sum(further(work, share) for share in shares)
    asked = {"kind": len(settings.kinds) * trained + about_held_out, "wording": wanted}
    reworded = sum(len(answers) - 1 for answers in made.answers.values())
    kept = {"kind": len(made.rows), "wording": reworded}
    codes = {what: Counter[str]() for what in asked}
    for entry in made.refused:
        codes["wording" if entry.asked_for == "wording" else "kind"][entry.code] += 1
    for what, count in asked.items():
        if count != kept[what] + codes[what].total():
            raise AccountingError(
                f"asked for {count} of {what}, but kept {kept[what]} and refused {codes[what].total()}"
            )
    if asked["kind"] + asked["wording"] != made.asked:
        raise AccountingError(f"{made.asked} parts came back, but {sum(asked.values())} were asked for")
    if settings.kinds:
        more = f" + {about_held_out} of held-out passages" if about_held_out else ""
        work.tell(f"kinds: asked for {len(settings.kinds)} x {trained}{more}; {_sum(kept['kind'], codes['kind'])}")
    displaced = sum(row.id not in remaining for row in made.rows)
    if displaced:
        work.tell(f"{displaced} of the {kept['kind']} kept give way to feedback")
    if most:
        less = f" at most = {wanted}, as some have fewer questions" if wanted < most * trained else ""
        work.tell(f"wordings: asked for {most} x {trained}{less}; {_sum(reworded, codes['wording'])}")
    for entry in made.refused:
        work.log.write("refused", passage=entry.passage, asked_for=entry.asked_for, code=entry.code)
    if made.asked and not made.rows and not made.answers:
        first = made.refused[0]
        raise GateFailed(
            f"nothing that the teacher made can be used: {first.asked_for}: {first.code}: {first.reason}",
            "name another teacher, raise teacher.max_tokens if replies are cut off, or take augmentation.kinds and"
            " augmentation.answers out",
        )
    if made.refused:
        work.tell("each one refused, with the reason: rawtune status --json, under augment, refused")
    by_kind = Counter(row.template for row in made.rows if row.suite is None and row.id in remaining)
    return {
        "kinds": {kind: by_kind[kinds.PREFIX + kind] for kind in settings.kinds},
        "refusal_rows": sum(row.suite is Suite.REFUSAL for row in made.rows),
        "follow_up_rows": sum(row.suite is Suite.FOLLOW_UP for row in made.rows),
        **({"kinds_displaced": displaced} if displaced else {}),
        "wordings": reworded,
        "refused_by_code": dict(sorted((codes["kind"] + codes["wording"]).items())),
        "refused": [asdict(entry) for entry in made.refused],
    }


def _sum(kept: int, codes: Counter[str]) -> str:
    found = ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))
    return f"kept {kept}, refused {codes.total()}" + (f": {found}" if found else "")

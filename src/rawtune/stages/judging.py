"""What the rules and the facts of the references say of a comparison's answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rawtune.comparison.metrics import normalised, stated
from rawtune.comparison.scores import SCORED, Judged
from rawtune.config import Verification
from rawtune.passages import sentences
from rawtune.records import Answer, Suite, told
from rawtune.stages.stage import Work
from rawtune.stages.verify import weights
from rawtune.verification import names, numbers
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected
from rawtune.verification.units import units
from rawtune.verification.weights import Weights

GROUNDING = ("RT201", "RT202", "RT203", "RT205")
"""The rules that an answer keeps which its passage bears out; RT204 warns only, also of free paraphrases."""
_REFUSAL = ("RT115",)
_LEAST = 0.15  # of an answer's weight in words


def judge(work: Work, answers: Sequence[Answer], passages: Mapping[str, str]) -> list[Judged]:
    """What is found of each answer, in order; ``passages`` holds each passage's text under its id.

    The rules are those of verification as they come, whatever the settings ignore: a score means the same everywhere.
    """
    known = weights(work)
    grounding = Checker(Verification(select=GROUNDING), known)
    refusing = Checker(Verification(select=_REFUSAL))
    facts: dict[tuple[str, str], list[Callable[[str], bool]]] = {}
    judged = []
    for answer in answers:
        if answer.suite is Suite.REFUSAL:
            judged.append(Judged(refused=_refuses(answer, refusing)))
        elif answer.suite in SCORED:
            asked = answer.reference, answer.question
            if asked not in facts:
                facts[asked] = list(_facts(answer, known))
            passage = passages[answer.passage_id]
            row = Row(
                answer.question,
                answer.text,
                concept=answer.concept,
                language=expected(work.config.language, passage),
                passage=passage,
            )
            judged.append(Judged(_share(answer.text, facts[asked]), _is_grounded(row, known, grounding)))
        else:
            judged.append(Judged())
    return judged


def _facts(answer: Answer, known: Weights) -> Iterable[Callable[[str], bool]]:
    """The numbers and names of the reference that nothing said before gives away, each as what finds it in a text."""
    reference = answer.reference
    given = "\n".join([told(answer.history), answer.question, answer.concept]).lower()
    asked = numbers.find(given)
    found: list[numbers.Number] = []
    for number in numbers.find(reference):
        if number.telling and not any(number.equals(other) for other in (*asked, *found)):
            found.append(number)
            yield _holding(number)
    spans = {*names.strange(reference, given, known), *known.headings.foreign(reference, "", given)}
    for name in sorted({reference[start:end] for start, end in spans}):
        yield _naming(name)


def _holding(number: numbers.Number) -> Callable[[str], bool]:
    return lambda text: any(number.equals(other) for other in numbers.find(text))


def _naming(name: str) -> Callable[[str], bool]:
    return lambda text: stated(text, [name])[0]


def _share(text: str, facts: Sequence[Callable[[str], bool]]) -> float | None:
    return sum(holds(text) for holds in facts) / len(facts) if facts else None


def _is_grounded(row: Row, known: Weights, rules: Checker) -> bool:
    """Whether it says something, the rules find nothing, and it shares words with its passage.

    The last is asked of the whole answer, as RT203, whose share it is, leaves short sentences alone.
    """
    said, held = units(row.answer), units(f"{row.question}\n{row.passage}")
    return bool(said) and known.containment(said, held) >= _LEAST and not rules.check(row)


def _refuses(answer: Answer, refusing: Checker) -> bool:
    """Whether it opens as refusals do, or with the sentence that was taught as one: the reference's first."""
    spans = sentences.spans(answer.reference)
    taught = normalised(answer.reference[slice(*spans[0])]) if spans else ""
    if taught and normalised(answer.text).startswith(taught):
        return True
    return bool(refusing.check(Row(answer.question, answer.text)))

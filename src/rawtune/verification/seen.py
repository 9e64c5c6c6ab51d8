"""What must be known of all rows before one of them can be judged: what repeats, and what belongs together.

Texts are remembered by a hash of eight bytes, so that a million rows take some tens of megabytes.
"""

from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from rawtune.verification.answerability import one_concepts_words
from rawtune.verification.concepts import Concepts, core, discover, mask, pieces
from rawtune.verification.crossing import crossed, is_training
from rawtune.verification.rule import Row

_SAMPLE = 24
"""Questions of a group from which its concept is found."""
_GROUPS = 10_000
"""Groups whose concepts are found; of a fifth of them the answers are kept, to find words of one concept alone."""
_SAID = 4_000
"""Characters of a group's answers that are kept."""
_MET = 120_000
"""Keys of questions that are remembered at once, to find those that are nearly the same."""
_ALIKE = 6
"""Questions remembered by one key, the latest."""


class Group(NamedTuple):
    """Rows about one thing: of one concept where it is named, else of one answer. Its concepts, if any was found."""

    name: Hashable
    concepts: tuple[str, ...]


class Met(NamedTuple):
    """A question that was judged before: the hashes of its pairs of words, its row's number."""

    pairs: list[int]
    number: int


class Seen:
    """All rows, read before they are judged. ``gather`` makes it; what it holds then is for the rules."""

    def __init__(self) -> None:
        self.repeated_rows: set[int] = set()
        self.repeated_answers: set[int] = set()
        self.ambiguous_questions: set[int] = set()
        self.concepts = Concepts({}, {})
        self.answered: defaultdict[int, dict[str, None]] = defaultdict(dict)
        """The concepts, where rows name them, that a repeated answer was given for, in the order of the rows."""
        self.misfits: dict[str, tuple[str, str]] = {}
        """Templates with a word that one concept's answers alone speak of: the word, and that concept."""
        self.crossed: dict[str, int] = {}
        """Held-out answers that training holds, too, with the number of a training row."""
        self.met: dict[Hashable, int] = {}
        """Number of the row in which something repeated was met first; filled as rows are judged."""
        self._alike: OrderedDict[int, tuple[Met, ...]] = OrderedDict()
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    @classmethod
    def gather(cls, rows: Callable[[], Iterable[Row]]) -> "Seen":
        """Read all ``rows`` once; again where answers repeat and rows name no concept, and where there are splits."""
        seen, groups = cls(), _Groups()
        splits = seen._count(rows(), groups)
        if seen.repeated_answers and not groups.named:
            for row in rows():
                if not (row.goes_on or row.earlier) and (answer := key(row.answer)) in seen.repeated_answers:
                    groups.take(answer, row)
        seen._settle(groups)
        if {is_training(split) for split in splits} == {True, False}:
            seen.crossed = crossed(rows)
        return seen

    def group(self, row: Row) -> Group:
        """The group that a row belongs to, though it may be alone in it."""
        name = row.concept or key(row.answer)
        return Group(name, self.concepts.of.get(name, ()))

    def is_templated(self, row: Row, group: Group) -> bool:
        """Whether the row's question, its concept left out, is asked about what other groups are about, too."""
        return template(row, group) in self.concepts.templates

    def named_in(self, question: str) -> list[str]:
        """The concepts of any group that a question holds."""
        found = pieces(question) & self._names.keys()
        return [concept for piece in sorted(found) for concept in sorted(self._names[piece]) if concept in question]

    def alike(self, keys: Iterable[int]) -> list[Met]:
        """Questions met so far that share one of these keys."""
        return [met for key in keys if key in self._alike for met in self._alike[key]]

    def remember(self, question: Met, keys: Iterable[int]) -> None:
        """From now on, find this question by its keys."""
        for key in keys:
            self._alike[key] = (*self._alike.get(key, ())[1 - _ALIKE :], question)
        while len(self._alike) > _MET:
            self._alike.popitem(last=False)

    def _count(self, rows: Iterable[Row], groups: "_Groups") -> set[str]:
        """Find out what repeats, and take in the groups of rows that name their concept; the names of the splits."""
        splits: set[str] = set()
        questions, answers, pairs, concepts = array("q"), array("q"), array("q"), array("q")
        for row in rows:
            splits.add(row.split)
            if row.goes_on:
                continue
            question, answer = key(row.asked), key(row.answer)
            questions.append(question)
            answers.append(answer)
            pairs.append(hash((question, answer)))
            # A question that leans on what was said before tells nothing of how its concept is asked about.
            concepts.append(groups.take(row.concept, row) if row.concept and not row.earlier else 0)
        self.repeated_rows = _repeated(pairs)
        self.repeated_answers = _repeated(answers)
        # A question that repeats more often than its rows do has more than one answer.
        repeated = _repeated(questions)
        distinct = {(pair, question) for pair, question in zip(pairs, questions, strict=True) if question in repeated}
        self.ambiguous_questions = _repeated(question for _, question in distinct)
        for answer, concept in zip(answers, concepts, strict=True):
            if concept and answer in self.repeated_answers:
                self.answered[answer][groups.named[concept]] = None
        return splits

    def _settle(self, groups: "_Groups") -> None:
        self.concepts = discover(groups.questions(), {name: name for name in groups.named.values()})
        for concepts in self.concepts.of.values():
            for concept in concepts:
                self._names[core(concept)].add(concept)
        names = {name: self.concepts.of[name][0] for name in groups.answers if name in self.concepts.of}
        templates = {
            line: {names[name] for name in users if name in names} for line, users in self.concepts.templates.items()
        }
        self.misfits = one_concepts_words(templates, {names[name]: groups.answers[name] for name in names})


class _Groups:
    """Samples of questions that belong together, which do not depend on the order of rows."""

    def __init__(self) -> None:
        self.named: dict[int, str] = {}
        """Concepts that rows name, by their hash."""
        self.answers: dict[Hashable, str] = {}
        self._samples: dict[Hashable, dict[int, str]] = {}

    def take(self, name: Hashable, row: Row) -> int:
        """Sample a row of the group; the hash of its concept."""
        number = hash(row.concept)
        if row.concept:
            self.named.setdefault(number, row.concept)
        sample = self._samples.get(name)
        if sample is None:
            if len(self._samples) >= _GROUPS:
                return number
            sample = self._samples[name] = {}
            if len(self._samples) <= _GROUPS // 5:
                self.answers[name] = ""
        said = self.answers.get(name)
        if said is not None and len(said) < _SAID and row.answer not in said:
            self.answers[name] = f"{said}\n{row.answer}"
        sample[crc32(row.question.encode(errors="replace"))] = row.question
        if len(sample) > 2 * _SAMPLE:
            self._samples[name] = _smallest(sample)
        return number

    def questions(self) -> dict[Hashable, list[str]]:
        """The sample of each group."""
        return {name: list(_smallest(sample).values()) for name, sample in self._samples.items()}


@lru_cache(maxsize=4)  # several rules ask for those of the same row
def key(text: str) -> int:
    """A text's identity, case and outer white space aside; it holds within this process."""
    return hash(text.strip().lower())


def template(row: Row, group: Group) -> str:
    """The template of a row's question within its group; the question itself where no concept of it is known."""
    return mask(row.question, group.concepts) or row.question


def _smallest(sample: dict[int, str]) -> dict[int, str]:
    return {at: sample[at] for at in sorted(sample)[:_SAMPLE]}


def _repeated(keys: Iterable[int]) -> set[int]:
    return {one for one, other in pairwise(sorted(keys)) if one == other}

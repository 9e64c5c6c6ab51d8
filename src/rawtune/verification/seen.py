"""What must be known of all rows before one of them can be judged: what repeats, and what belongs together.

Texts are remembered by a hash of eight bytes, so that a million rows take some tens of megabytes.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from zlib import crc32

from rawtune.verification.answerability import one_concepts_words
from rawtune.verification.concepts import Concepts, core, discover, mask, pieces
from rawtune.verification.rule import Row

_SAMPLE = 16
"""Questions of a group from which its concept is found."""
_GROUPS = 2_000
"""Groups whose answers are kept, to find the words that one concept alone speaks of."""
_COMPARED = 50
"""Questions that share a hash and are compared, at most."""
_TRAIN = ("train", "training", "")
_SHINGLE = 8
"""Characters; eight in a row are hardly shared by chance, in Chinese or in English."""


_Met = tuple[str, int, int]
"""A question met: its words, how many pairs of them there are, and the number of its row."""


@dataclass(slots=True)
class Group:
    """Rows about one thing: of one concept where it is known, else of one answer."""

    concepts: tuple[str, ...] = ()
    _met: defaultdict[int, list[_Met]] = field(default_factory=lambda: defaultdict(list))

    def alike(self, prefix: Iterable[int]) -> Iterator[_Met]:
        """Questions met so far that share one of these hashes."""
        return (question for value in prefix if value in self._met for question in self._met[value])

    def remember(self, prefix: Iterable[int], question: _Met) -> None:
        """From now on, find this question by these hashes; of many by the same one, the latest."""
        for value in prefix:
            self._met[value].append(question)
            del self._met[value][:-_COMPARED]


class Seen:
    """All rows, read before they are judged. ``gather`` makes it; what it holds then is for the rules."""

    def __init__(self) -> None:
        self.repeated_rows: set[int] = set()
        self.repeated_answers: set[int] = set()
        self.ambiguous_questions: set[int] = set()
        self.groups: dict[Hashable, Group] = {}
        self.concepts = Concepts({}, {})
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self.answers: dict[Hashable, str] = {}
        self.answered: defaultdict[int, set[str]] = defaultdict(set)
        """The concepts, where rows name them, that a repeated answer was given for."""
        self.misfits: dict[str, tuple[str, str]] = {}
        """Templates with a word that one concept's answers alone speak of: the word, and that concept."""
        self.crossed: dict[int, int] = {}
        """Held-out answers that training holds, too: the key of the answer, and the number of a training row."""
        self.met: dict[Hashable, int] = {}
        """Number of the row in which something repeated was met first; filled as rows are judged."""

    @classmethod
    def gather(cls, rows: Callable[[], Iterable[Row]]) -> "Seen":
        """Read all ``rows`` as often as it takes: twice, or three times where answers repeat or splits must not."""
        seen = cls()
        held_out = _Shingles()
        named = seen._count(rows(), held_out)
        if seen.repeated_answers or named:
            seen._group(rows())
        if held_out.answers:
            seen.crossed = held_out.crossed(rows())
        return seen

    def group(self, row: Row) -> Group | None:
        """The group that a row belongs to; None if its answer stands alone."""
        return self.groups.get(_group(row))

    def named_in(self, question: str) -> list[str]:
        """The concepts of any group that a question holds."""
        found = pieces(question) & self._names.keys()
        return [concept for piece in sorted(found) for concept in sorted(self._names[piece]) if concept in question]

    def _count(self, rows: Iterable[Row], held_out: "_Shingles") -> bool:
        """Find out what repeats, and take in what is held out; whether a row names its concept."""
        questions, answers, pairs = array("q"), array("q"), array("q")
        named = False
        for row in rows:
            if row.split not in _TRAIN:
                held_out.take(row)
            if row.follows:
                continue
            named = named or bool(row.concept)
            question, answer = key(row.question), key(row.answer)
            questions.append(question)
            answers.append(answer)
            pairs.append(hash((question, answer)))
        self.repeated_rows = set(_repeated(pairs))
        self.repeated_answers = set(_repeated(answers))
        # A question that repeats more often than its rows do has more than one answer.
        repeated = set(_repeated(questions))
        distinct = {(pair, question) for pair, question in zip(pairs, questions, strict=True) if question in repeated}
        self.ambiguous_questions = set(_repeated(question for _, question in distinct))
        return named

    def _group(self, rows: Iterable[Row]) -> None:
        samples: defaultdict[Hashable, dict[int, str]] = defaultdict(dict)
        known: dict[Hashable, str] = {}
        for row in rows:
            if row.follows or (not row.concept and key(row.answer) not in self.repeated_answers):
                continue
            group = _group(row)
            if row.concept:
                known[group] = row.concept
                if (answer := key(row.answer)) in self.repeated_answers:
                    self.answered[answer].add(row.concept)
            if len(self.answers) < _GROUPS or group in self.answers:
                self.answers.setdefault(group, row.answer)
            sample = samples[group]
            sample[crc32(row.question.encode(errors="replace"))] = row.question
            if len(sample) > 2 * _SAMPLE:
                samples[group] = _smallest(sample)
        questions = {group: list(_smallest(sample).values()) for group, sample in samples.items()}
        self.concepts = discover(questions, known)
        self.groups = {group: Group(self.concepts.of.get(group, ())) for group in samples}
        for concepts in self.concepts.of.values():
            for concept in concepts:
                self._names[core(concept)].add(concept)
        names = {group: self.concepts.of[group][0] for group in self.answers if group in self.concepts.of}
        templates = {
            line: {names[group] for group in users if group in names} for line, users in self.concepts.templates.items()
        }
        self.misfits = one_concepts_words(templates, {names[group]: self.answers[group] for group in names})


class _Shingles:
    """Held-out answers by their runs of characters, to find them again in training answers."""

    _SHARE = 0.8

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        """How many runs each answer has, by its key."""
        self._holders: defaultdict[int, list[int]] = defaultdict(list)

    def take(self, row: Row) -> None:
        answer = key(row.answer)
        if answer not in self.answers:
            runs = set(_runs(row.answer))
            self.answers[answer] = len(runs)
            for run in runs:
                self._holders[run].append(answer)

    def crossed(self, rows: Iterable[Row]) -> dict[int, int]:
        """The answers of which a training row holds at least four fifths, with that row's number."""
        found: dict[int, int] = {}
        for row in rows:
            if row.split not in _TRAIN:
                continue
            hits: Counter[int] = Counter()
            for run in set(_runs(row.answer)):
                if run in self._holders:
                    hits.update(self._holders[run])
            for answer, n in hits.items():
                if n >= self._SHARE * self.answers[answer]:
                    found.setdefault(answer, row.number)
        return found


@lru_cache(maxsize=4)  # several rules ask for those of the same row
def key(text: str) -> int:
    """A text's identity, case and white space aside; it holds within this process."""
    return hash(" ".join(text.casefold().split()))


def template(row: Row, group: Group) -> str:
    """The template of a row's question within its group; the question itself where no concept of it is known."""
    return mask(row.question, group.concepts) or row.question


def _group(row: Row) -> Hashable:
    return row.concept or key(row.answer)


def _runs(text: str) -> Iterator[int]:
    """Hashes of all runs of characters, white space aside; of a text that is shorter than one, of all of it."""
    text = re.sub(r"\s+", "", text.casefold())
    for at in range(max(1, len(text) - _SHINGLE + 1)):
        yield hash(text[at : at + _SHINGLE])


def _smallest(sample: dict[int, str]) -> dict[int, str]:
    """A part of a sample that does not depend on the order of rows."""
    return {at: sample[at] for at in sorted(sample)[:_SAMPLE]}


def _repeated(keys: Iterable[int]) -> Iterator[int]:
    return (value for value, same in groupby(sorted(keys)) if sum(1 for _ in same) > 1)

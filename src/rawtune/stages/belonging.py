"""Which passage a row of some file belongs to, and which concept its question is about."""

import re
from collections import defaultdict
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rawtune.augmentation import questions
from rawtune.augmentation.kinds import PREFIX
from rawtune.augmentation.questions import PLACEHOLDER
from rawtune.dataset import provenance
from rawtune.dataset.rows import Record
from rawtune.ledger.feedback import TEMPLATE
from rawtune.records import History, Passage, content_hash
from rawtune.stages.stage import Work
from rawtune.stages.templates import load_templates
from rawtune.verification.source import Source

_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")
_SAYING = 2  # words, or Chinese characters: a template with fewer, such as "{concept}?", fits any question
_LANGUAGES = ("en", "zh")


class Home(NamedTuple):
    """Where a row belongs. ``exported`` says that it was once exported so: nobody has changed it since."""

    passage: Passage
    concept: str
    exported: bool


class NoPassage(ValueError):
    """Why it cannot be told which passage a row belongs to."""


class NoConcept(ValueError):
    """Why it cannot be told what a row is about."""


class _Asked(NamedTuple):
    """What a question is about that was once exported, and the row's number then."""

    passage: Passage
    concept: str
    number: int


class Belonging:
    """Finds the passages of a project that the rows of ``file`` were made from.

    A question that stands in a dataset of the project, or in the one that the file is part of, leads to its passage.
    Any other has to be a question template filled with a concept, or a term that the passage holds, or the row names
    its ``concept``: a passage has one row, which is asked in the words of all templates. Then the passage is the one
    that ``rawtune check --source`` would find.
    """

    def __init__(self, work: Work, file: Path) -> None:
        self._passages = list(work.ledger.passages())
        self._exported: set[str] = set()
        self._asked: dict[str, dict[tuple[str, str], _Asked]] = defaultdict(dict)
        places = {(p.document, p.document_sha256, p.start, p.end): p for p in self._passages}
        sides = sorted((work.folder / "datasets").glob(f"*{provenance.ENDING}"), reverse=True)
        if own := provenance.beside(file):
            sides = [own, *(side for side in sides if side != own)]
        for line in chain.from_iterable(map(provenance.read, sides)):
            self._exported.add(line.parent)
            passage = places.get((line.source, line.source_sha256, line.start, line.end))
            template = line.template or PLACEHOLDER
            if passage and PLACEHOLDER in template:
                question = template.replace(PLACEHOLDER, line.concept)
                self._asked[question].setdefault((passage.id, line.concept), _Asked(passage, line.concept, line.row))
        self._made: dict[tuple[History, str], str] = {}
        self._wordings: set[tuple[str, str]] = set()
        answers = {row.id: row.answer for row in work.ledger.synthesised()}
        for row in work.ledger.training_rows():
            if (row.template or "").startswith((PREFIX, TEMPLATE)):
                self._made[row.history, row.question] = row.answer
            elif answers.get(row.parent or "", row.answer) != row.answer:
                self._wordings.add((row.question, row.answer))
        known = (load_templates(work), *map(questions.load, _LANGUAGES))
        lines = {line for templates in known for line in (*templates.train, *templates.held_out)}
        saying = {line for line in lines if len(_WORD.findall(line.replace(PLACEHOLDER, ""))) >= _SAYING}
        self._saying = [_pattern(line) for line in saying]
        self._loose = [_pattern(line) for line in (lines - saying) | {PLACEHOLDER}]

    def made(self, record: Record) -> bool:
        """Whether this row was made besides the passage's own, so that there is nothing to take.

        Raises ``NoPassage`` for one whose answer was changed: it cannot become the passage's row.
        """
        *history, (question, answer) = [(turn.question.strip(), turn.answer.strip()) for turn in record.turns]
        asked = tuple(history), question
        if self._made.get(asked, answer) != answer:
            raise NoPassage("the teacher or a user made its question, and answers of such rows cannot be taken")
        return asked in self._made or (not history and (question, answer) in self._wordings)

    def homes(self, record: Record) -> list[Home]:
        """The passages of a record of one turn: several only if their texts are the same.

        Raises ``NoPassage`` or ``NoConcept``.
        """
        turn = record.turns[0]
        answer = turn.answer.strip()
        forms = [turn.question.strip()]
        if turn.more:  # Alpaca's instruction may be the same for all rows, and the question stand in its input
            forms.append(turn.question[turn.more[1] :].strip())
        for form in forms:
            if asked := self._asked.get(form):
                return self._told(list(asked.values()), answer, record.number)
        concept = record.concept.strip() or next(iter(_filling(self._saying, forms)), "")
        at = self._source.find(forms[0], answer, concept)
        if at is None:
            raise NoPassage("no passage of this project supports its answer")
        passage = self._passages[at]
        if not concept:
            said = passage.text.casefold()
            concept = next((term for term in _filling(self._loose, forms[-1:]) if term.casefold() in said), "")
        if not concept:
            raise NoConcept("its question fills no template and is no term of its passage")
        return [self._home(passage, concept, answer)]

    def _told(self, asked: list[_Asked], answer: str, number: int) -> list[Home]:
        """The homes of a row whose question is known: where there are several, by its answer, else by its number."""
        homes = [self._home(row.passage, row.concept, answer) for row in asked]
        likely = [home for home in homes if home.exported] or homes
        if len({home.passage.text for home in likely}) > 1:
            likely = [home for home, row in zip(homes, asked, strict=True) if home in likely and row.number == number]
        if len({home.passage.text for home in likely}) != 1:
            raise NoPassage("its question is asked about several passages, and its answer does not tell which")
        return likely

    def _home(self, passage: Passage, concept: str, answer: str) -> Home:
        return Home(passage, concept, content_hash([passage.id, concept, answer]) in self._exported)

    @cached_property
    def _source(self) -> Source:
        return Source(passage.text for passage in self._passages)


def _filling(patterns: list[re.Pattern[str]], questions: list[str]) -> list[str]:
    """What fills the templates that fit, the shortest first: that template says most of the question."""
    found = (pattern.fullmatch(question) for pattern in patterns for question in questions)
    return sorted({match[1].strip() for match in found if match} - {""}, key=lambda concept: (len(concept), concept))


def _pattern(template: str) -> re.Pattern[str]:
    before, _, after = template.partition(PLACEHOLDER)
    return re.compile(f"{re.escape(before)}(.+?){re.escape(after)}", re.IGNORECASE)

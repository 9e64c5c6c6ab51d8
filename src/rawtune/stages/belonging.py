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
from rawtune.ledger.feedback import Fate, row_id
from rawtune.records import History, Passage, content_hash
from rawtune.stages.stage import Work
from rawtune.stages.templates import load_templates
from rawtune.verification.source import Source

_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")
_SAYING = 2  # words, or Chinese characters: a template with fewer, such as "{concept}?", fits any question
_LANGUAGES = ("en", "zh")


class Home(NamedTuple):
    """Where a row belongs. ``exported`` says that it was once exported so: nobody has changed it since.

    ``own`` says that its question is a wording of its own, which no template asks; then it may name no ``concept``, as
    its answer need not be the passage's. ``known`` says that the project asks the question already.
    """

    passage: Passage
    concept: str
    exported: bool
    own: bool
    known: bool


class NoPassage(ValueError):
    """Why it cannot be told which passage a row belongs to."""


class Unsupported(NoPassage):
    """No passage of the project supports a row's answer."""


class _Asked(NamedTuple):
    """What a question is about that was once exported, and the row's number then."""

    passage: Passage
    concept: str
    number: int


class Belonging:
    """Finds the passages of a project that the rows of ``file`` were made from.

    A question that stands in a dataset of the project, or in the one that the file is part of, leads to its passage.
    That of any other is the one that ``rawtune check --source`` would find. A passage has one row, which is asked in
    the words of all templates: such a question is a template filled with a concept, or a term that the passage holds,
    or the row names its ``concept``. All others are wordings of their own.
    """

    def __init__(self, work: Work, file: Path) -> None:
        self._passages = list(work.ledger.passages())
        self._by_id = {passage.id: passage for passage in self._passages}
        self._exported: set[str] = set()
        self._kinds: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._asked: dict[str, dict[tuple[str, str], _Asked]] = defaultdict(dict)
        places = {(p.document, p.document_sha256, p.start, p.end): p for p in self._passages}
        sides = sorted((work.folder / "datasets").glob(f"*{provenance.ENDING}"), reverse=True)
        if own := provenance.beside(file):
            sides = [own, *(side for side in sides if side != own)]
        for line in chain.from_iterable(map(provenance.read, sides)):
            self._exported.add(line.parent)
            passage = places.get((line.source, line.source_sha256, line.start, line.end))
            template = line.template or PLACEHOLDER
            if PLACEHOLDER not in template:
                self._exported.add(line.id)
                if passage:
                    self._kinds[passage.id].add((line.parent, template.removeprefix(PREFIX)))
            elif passage:
                question = template.replace(PLACEHOLDER, line.concept)
                self._asked[question].setdefault((passage.id, line.concept), _Asked(passage, line.concept, line.row))
        self._made: dict[tuple[History, str], tuple[str, str]] = {}
        self._wordings: set[tuple[str, str]] = set()
        answers = {row.id: row.answer for row in work.ledger.synthesised()}
        for row in work.ledger.training_rows():
            if PLACEHOLDER not in (row.template or PLACEHOLDER):
                self._made[row.history, row.question] = row.answer, row.passage_id
            elif answers.get(row.parent or "", row.answer) != row.answer:
                self._wordings.add((row.question, row.answer))
        for one in work.ledger.feedback():
            if one.fate is Fate.TAKEN:
                self._made[(), one.question] = one.row, one.passage_id
        known = (load_templates(work), *map(questions.load, _LANGUAGES))
        lines = {line for templates in known for line in (*templates.train, *templates.held_out)}
        saying = {line for line in lines if len(_WORD.findall(line.replace(PLACEHOLDER, ""))) >= _SAYING}
        self._saying = [_pattern(line) for line in saying]
        self._loose = [_pattern(line) for line in (lines - saying) | {PLACEHOLDER}]

    def made(self, record: Record) -> bool:
        """Whether this row was made besides the passage's own, so that there is nothing to take."""
        *history, (question, answer) = [(turn.question.strip(), turn.answer.strip()) for turn in record.turns]
        said, _ = self._made.get((tuple(history), question), (None, ""))
        return said == answer or (not history and (question, answer) in self._wordings)

    def homes(self, record: Record) -> list[Home]:
        """The passages of a record of one turn: several only if their texts are the same.

        Raises ``NoPassage``.
        """
        turn = record.turns[0]
        answer = turn.answer.strip()
        forms = [turn.question.strip()]
        if turn.more:  # Alpaca's instruction may be the same for all rows, and the question stand in its input
            forms.append(turn.question[turn.more[1] :].strip())
        for form in forms:
            _, passage_id = self._made.get(((), form), ("", ""))
            if passage := self._by_id.get(passage_id):
                return [self._own(passage, form, answer, known=True)]
            if asked := self._asked.get(form):
                return self._told(list(asked.values()), answer, record.number)
        named, filled = record.concept.strip(), next(iter(_filling(self._saying, forms)), "")
        at = self._source.find(forms[0], answer, named or filled)
        if at is None:
            raise Unsupported("no passage of this project supports its answer")
        passage = self._passages[at]
        own = self._own(passage, forms[0], answer, known=False)
        if own.exported:
            return [own]
        said = passage.text.casefold()
        loose = (term for term in _filling(self._loose, forms[-1:]) if _is_term(term.casefold(), said))
        filled = filled or next(loose, "")
        return [self._home(passage, named or filled, answer)._replace(own=not filled, known=False)]

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
        exported = content_hash([passage.id, concept, answer]) in self._exported
        return Home(passage, concept, exported, own=False, known=True)

    def _own(self, passage: Passage, question: str, answer: str, *, known: bool) -> Home:
        ids = {row_id(passage.id, question, answer)}
        ids |= {content_hash([parent, kind, question, answer]) for parent, kind in self._kinds.get(passage.id, ())}
        asked = self._asked.get(question, {}).values()
        ids |= {content_hash([row.passage.id, row.concept, answer]) for row in asked}
        return Home(passage, "", not ids.isdisjoint(self._exported), own=True, known=known)

    @cached_property
    def _source(self) -> Source:
        return Source(passage.text for passage in self._passages)


def _is_term(term: str, passage: str) -> bool:
    """Whether a passage speaks of it; one that asks it, as pages of questions and answers do, holds no term."""
    return term in passage and term[-1] not in "?？" and not any(term + mark in passage for mark in "?？")


def _filling(patterns: list[re.Pattern[str]], questions: list[str]) -> list[str]:
    """What fills the templates that fit, the shortest first: that template says most of the question."""
    found = (pattern.fullmatch(question) for pattern in patterns for question in questions)
    return sorted({match[1].strip() for match in found if match} - {""}, key=lambda concept: (len(concept), concept))


def _pattern(template: str) -> re.Pattern[str]:
    before, _, after = template.partition(PLACEHOLDER)
    return re.compile(f"{re.escape(before)}(.+?){re.escape(after)}", re.IGNORECASE)

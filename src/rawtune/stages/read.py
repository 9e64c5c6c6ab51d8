"""raw/ to passages; the held-out split is frozen here, before anything is made from a passage."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rawtune.comparison.statistics import MIN_CLUSTERS
from rawtune.dataset.files import sha256
from rawtune.errors import UsageError
from rawtune.passages import held_out
from rawtune.passages.near import NearDuplicates
from rawtune.passages.split import split
from rawtune.records import Passage, Split
from rawtune.sources import text
from rawtune.stages.stage import Done, Work, hash_settings


def inputs(work: Work) -> dict[str, str]:
    """The raw files and how they are to be cut."""
    files = {path.relative_to(work.folder).as_posix(): sha256(path) for path in text.files(work.folder)}
    return {**files, "settings under 'passages'": hash_settings(work.config.passages)}


def run(work: Work) -> Done:
    """Read file by file, so that a library fits as well as a page; a fault leaves everything as it was.

    Raises ``RawTextError`` for bad files, and ``UsageError`` if all passages would be held out.
    """
    settings = work.config.passages
    if ignored := text.ignored(work.folder):
        work.progress.say(f"not read, as only .txt files in raw/ itself are: {', '.join(ignored)}")
    near = _Near(work)

    def hold_out(new: Iterable[str], copies: Mapping[str, int], held: int, total: int) -> Iterator[str]:
        chosen = [*held_out.choose(new, copies, held, total, settings.held_out, near.groups(), near.frozen)]
        if held + sum(1 + copies.get(id, 0) for id in chosen) >= total:
            raise UsageError(  # now, as a split that is saved stays, and the teacher is paid for held-out ones, too
                f"no passage is left to train on: passages.held_out is {settings.held_out:g}, and all {total} passages"
                " would be held out",
                "lower passages.held_out in rawtune.yaml, or add raw text; nothing was changed",
            )
        return iter(chosen)

    work.ledger.save_passages(near.watch(split(text.read(work.folder), settings.max_tokens)), hold_out)
    digest = hashlib.sha256()
    splits = dict(work.ledger.splits())
    for id, given in splits.items():
        digest.update(f"{id} {given}\n".encode())
    held = sum(given is Split.HELD_OUT for given in splits.values())
    groups = [current for group in near.groups() if len(current := [id for id in group if id in splits]) > 1]
    summary = {
        "files": len(text.files(work.folder)),
        "passages": len(splits),
        "train_passages": len(splits) - held,
        "held_out_passages": held,
        "near_duplicates": sum(map(len, groups)),
        "near_duplicate_groups": len(groups),
    }
    _tell(work, groups, splits, held)
    return Done(digest.hexdigest()[:16], summary)


class _Near:
    """Which passages are near-duplicates, also of those that have left: an edited passage goes where it was."""

    def __init__(self, work: Work) -> None:
        self.frozen: dict[str, Split] = {}
        self._found = NearDuplicates()
        self._groups: list[array[int]] | None = None
        for id, given, content in work.ledger.texts():
            self.frozen[id] = given
            self._found.add(int(id, 16), content)

    def watch(self, passages: Iterable[Passage]) -> Iterator[Passage]:
        """The same passages; those that are new are taken in, but for copies, which go where their text goes."""
        for passage in passages:
            if passage.id not in self.frozen and "-" not in passage.id:
                self._found.add(int(passage.id, 16), passage.text)
            yield passage

    def groups(self) -> Iterator[list[str]]:
        """Ids of texts that belong together; to be asked for once all passages were watched."""
        if self._groups is None:
            self._groups = [*self._found.groups()]
            self._found = NearDuplicates()  # the sketches of a large library take as much as all that follows
        return ([f"{id:016x}" for id in group] for group in self._groups)


def _tell(work: Work, groups: Sequence[Sequence[str]], splits: Mapping[str, Split], held: int) -> None:
    said = {"zh": "Chinese", "en": "English"}
    if (found := text.language(work.folder)) != work.config.language:
        work.tell(
            f"the raw text seems to be {said[found]}, but language is {work.config.language}: prompts and questions"
            f" will be {said[work.config.language]}; if that is not meant, set language: {found} in rawtune.yaml now,"
            " before the teacher is asked"
        )
    if groups:
        near = sum(map(len, groups))
        work.tell(
            f"{near} passages are near-duplicates of others, in {len(groups)} group{'s' * (len(groups) > 1)};"
            " those of a group are trained on or held out together"
        )
    if parted := sum(len({splits[id] for id in group}) > 1 for group in groups):
        work.tell(
            f"of these groups {parted} stood on both sides already when they were found, and what is frozen stays:"
            " leave all but one passage of such a group out of raw/"
        )
    if held < MIN_CLUSTERS:
        work.tell(
            f"{held} of {len(splits)} passages are held out: with fewer than {MIN_CLUSTERS} the comparison will not be"
            " able to show anything about facts that were never trained; add raw text, or begin another project with a"
            " larger passages.held_out"
        )

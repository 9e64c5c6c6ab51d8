"""raw/ to passages; the held-out split is frozen here, before anything is made from a passage."""

from collections import Counter

from rawtune.dataset.files import sha256
from rawtune.passages import held_out
from rawtune.passages.split import split
from rawtune.records import Split, content_hash
from rawtune.sources import text
from rawtune.stages.stage import Done, Work, hash_settings


def inputs(work: Work) -> dict[str, str]:
    """The raw files and how they are to be cut."""
    files = {path.relative_to(work.folder).as_posix(): sha256(path) for path in text.files(work.folder)}
    return {**files, "settings under 'passages'": hash_settings(work.config.passages)}


def run(work: Work) -> Done:
    """Read every file whole before anything is stored, so that a bad one changes nothing."""
    settings = work.config.passages
    documents = text.read(work.folder)
    if ignored := text.ignored(work.folder):
        work.progress.say(f"not read, as only .txt files in raw/ itself are: {', '.join(ignored)}")
    passages = held_out.assign(split(documents, settings.max_tokens), work.ledger.frozen_splits(), settings.held_out)
    work.ledger.save_passages(passages)
    splits = Counter(passage.split for passage in passages)
    summary = {
        "files": len(documents),
        "passages": len(passages),
        "train_passages": splits[Split.TRAIN],
        "held_out_passages": splits[Split.HELD_OUT],
    }
    return Done(content_hash([(passage.id, passage.split) for passage in passages]), summary)

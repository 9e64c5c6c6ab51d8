"""raw/ to passages; the held-out split is frozen here, before anything is made from a passage."""

import hashlib
from functools import partial

from rawtune.dataset.files import sha256
from rawtune.passages import held_out
from rawtune.passages.split import split
from rawtune.records import Split
from rawtune.sources import text
from rawtune.stages.stage import Done, Work, hash_settings


def inputs(work: Work) -> dict[str, str]:
    """The raw files and how they are to be cut."""
    files = {path.relative_to(work.folder).as_posix(): sha256(path) for path in text.files(work.folder)}
    return {**files, "settings under 'passages'": hash_settings(work.config.passages)}


def run(work: Work) -> Done:
    """Read file by file, so that a library fits as well as a page; a bad file leaves everything as it was."""
    settings = work.config.passages
    if ignored := text.ignored(work.folder):
        work.progress.say(f"not read, as only .txt files in raw/ itself are: {', '.join(ignored)}")
    work.ledger.save_passages(
        split(text.read(work.folder), settings.max_tokens), partial(held_out.choose, share=settings.held_out)
    )
    digest = hashlib.sha256()
    splits = dict.fromkeys(Split, 0)
    for id, given in work.ledger.splits():
        splits[given] += 1
        digest.update(f"{id} {given}\n".encode())
    summary = {
        "files": len(text.files(work.folder)),
        "passages": sum(splits.values()),
        "train_passages": splits[Split.TRAIN],
        "held_out_passages": splits[Split.HELD_OUT],
    }
    return Done(digest.hexdigest()[:16], summary)

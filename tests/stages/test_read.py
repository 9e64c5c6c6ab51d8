"""Which passages go where when the raw text changes, near-duplicates among them."""

from pathlib import Path

import pytest

from rawtune import project
from rawtune.errors import UsageError
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import Split

EXAMPLES = ("zhouyi-en", "zhouyi-zh")


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def make(folder: Path, example: str, share: float = 0.25) -> Path:
    settings = {"teacher": {"model": "scripted:"}, "passages": {"held_out": share}}
    return project.create(folder / "book", example, limit=32, settings=settings)


def read(book: Path, texts: list[str] | None = None) -> tuple[dict, dict[str, Split], list[str]]:
    """Figures, the splits by text, and what was said, after these texts have become the raw ones."""
    if texts is not None:
        (book / "raw/hexagrams.txt").write_text("\n\n".join(texts), encoding="utf-8")
    heard = Heard()
    with Project(book, heard) as opened:
        figures = opened.read()
        return figures, {passage.text: passage.split for passage in opened._work.ledger.passages()}, heard.lines


def edited(text: str) -> str:
    """A near-duplicate of a hexagram's text."""
    return text.replace("upper", "topmost", 1).replace("上卦", "上面的卦", 1)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_edited_passage_stays_where_it_was_also_when_the_old_one_has_left(tmp_path: Path, example: str) -> None:
    book = make(tmp_path, example)
    before = read(book)[1]
    assert sum(split is Split.HELD_OUT for split in before.values()) == 8
    assert all(edited(text) not in before for text in before)
    _, both, lines = read(book, [*before, *map(edited, before)])
    assert {text: both[text] for text in before} == before, "a frozen split changed"
    assert all(both[edited(text)] is split for text, split in before.items())
    assert any("64 passages are near-duplicates of others, in 32 groups" in line for line in lines)
    figures, after, lines = read(book, [edited(text) for text in before])
    assert after == {edited(text): split for text, split in before.items()}
    assert (figures["near_duplicates"], figures["near_duplicate_groups"]) == (0, 0)
    assert not any("near-duplicates" in line for line in lines)


@pytest.mark.parametrize("example", EXAMPLES)
def test_near_duplicates_in_a_new_project_go_together(tmp_path: Path, example: str) -> None:
    book = make(tmp_path, example)
    texts = (book / "raw/hexagrams.txt").read_text(encoding="utf-8").strip().split("\n\n")
    figures, splits, _ = read(book, [*texts, *map(edited, texts)])
    assert figures["near_duplicates"] == figures["passages"] == 64
    assert figures["near_duplicate_groups"] == 32
    assert figures["held_out_passages"] == 16
    assert all(splits[text] is splits[edited(text)] for text in texts)


def test_what_links_both_sides_is_held_out_and_told(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(100)]
    texts = [" ".join([*(f"new{n}" for n in range(9 * step)), *words[9 * step :]]) for step in range(3)]
    others = [f"{name} {' '.join(name + str(n) for n in range(30))}" for name in "abcdefghij"]
    for number in range(30):  # a text by which the two ends come to different sides
        start = " ".join([f"start{number}", *texts[0].split()[1:]])
        folder = tmp_path / str(number)
        folder.mkdir()
        book = make(folder, "zhouyi-en", 0.5)
        figures, before, _ = read(book, [start, texts[2], *others])
        assert figures["near_duplicates"] == 0
        if before[start] is not before[texts[2]]:
            break
    figures, after, lines = read(book, [start, texts[1], texts[2], *others])
    assert {text: after[text] for text in before} == before
    assert after[texts[1]] is Split.HELD_OUT
    assert figures["near_duplicate_groups"] == 1
    assert any("of these groups 1 stood on both sides already" in line for line in lines)


@pytest.mark.parametrize(("limit", "told"), [(23, True), (24, False)])
def test_too_few_held_out_passages_are_told(tmp_path: Path, limit: int, told: bool) -> None:
    settings = {"teacher": {"model": "scripted:"}, "passages": {"held_out": 0.23}}
    book = project.create(tmp_path / "book", "zhouyi-zh", limit=limit, settings=settings)
    lines = read(book)[2]
    assert any("with fewer than 6" in line for line in lines) is told


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_text_in_another_language_than_the_projects_is_told(tmp_path: Path, example: str, language: str) -> None:
    book = make(tmp_path, example)
    settings = book / "rawtune.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace(f"language: {example[-2:]}", f"language: {language}"), "utf-8"
    )
    told = [line for line in read(book)[2] if f"set language: {example[-2:]}" in line]
    assert len(told) == (not example.endswith(language))


@pytest.mark.parametrize("example", EXAMPLES)
def test_that_nothing_is_left_to_train_on_is_told_before_anything_is_frozen(tmp_path: Path, example: str) -> None:
    book = make(tmp_path, example, 0.9)
    texts = (book / "raw/hexagrams.txt").read_text(encoding="utf-8").strip().split("\n\n")[:3]
    with pytest.raises(UsageError, match=r"no passage is left to train on: passages\.held_out is 0\.9, and all 3 "):
        read(book, texts)
    settings = book / "rawtune.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("held_out: 0.9", "held_out: 0.4"), "utf-8")
    figures, splits, _ = read(book)
    assert (figures["train_passages"], figures["held_out_passages"]) == (2, 1)
    (held,) = [text for text, split in splits.items() if split is Split.HELD_OUT]
    with pytest.raises(UsageError, match="all 2 passages would be held out"):
        read(book, [held, edited(held)])
    assert read(book, [held, *texts])[0]["train_passages"] == 2

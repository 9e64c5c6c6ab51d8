from importlib.resources import files
from itertools import combinations
from random import Random

import pytest

from rawtune.passages.near import LEAST, NearDuplicates

EXAMPLES = ("zhouyi-en", "zhouyi-zh")


def corpus(name):
    return files("rawtune").joinpath(f"examples/{name}/raw/hexagrams.txt").read_text(encoding="utf-8").split("\n\n")


def found(texts):
    near = NearDuplicates()
    for number, text in enumerate(texts):
        near.add(number, text)
    return [group.tolist() for group in near.groups()]


def exchanged(text, name, count, random):
    """The text with some of its words (or Chinese characters) exchanged."""
    parts = text.split(" ") if name.endswith("en") else list(text)
    places = [at for at, part in enumerate(parts) if any(sign.isalnum() for sign in part)]
    for at in random.sample(places, count):
        parts[at] = "龘" if len(parts[at]) == 1 else "xyzzy"
    return (" " if name.endswith("en") else "").join(parts)


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_two_hexagrams_are_near_each_other(name):
    assert found(corpus(name)) == []


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_text_with_a_few_words_exchanged_is_near_its_original(name, count):
    texts, random = corpus(name), Random(0)
    edited = [exchanged(text, name, count, random) for text in texts]
    assert found([*texts, *edited]) == [[at, at + 64] for at in range(64)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_half_of_a_text_with_other_words_is_not_near_it(name):
    texts = corpus(name)[:20]
    halves = [text[: len(text) // 2] + other[len(other) // 2 :] for text, other in combinations(texts, 2)][:40]
    assert not any(at < 20 for group in found([*texts, *halves]) for at in group)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("蒙卦象征启蒙，如同山下流出的泉水。", "蒙卦象征启蒙 如同山下流出的泉水!"),
        ("The warranty lasts three years.", "the  warranty lasts\nthree years"),
        ("蒙", "蒙。"),
    ],
)
def test_signs_and_capitals_make_no_difference(one, other):
    assert found([one, "Something else altogether. 别的。", other]) == [[0, 2]]


@pytest.mark.parametrize(
    "texts",
    [
        ["第1段。", "第2段。", "第3段。"],
        ["The pump needs oil.", "The pump needs care."],
        ["", "。", "!?"],
        ["蒙卦讲的是山下的泉水。", "乾卦讲的是天。", "坤卦讲的是地。"],
        ["Thunder follows rain.", "Rain follows thunder."],
        ["人人", "天天"],
    ],
)
def test_short_texts_that_say_different_things_are_not_near(texts):
    assert found(texts) == []


def test_who_is_near_one_of_a_group_belongs_to_it():
    words = [f"word{number}" for number in range(100)]
    steps = [" ".join([*(f"new{number}" for number in range(8 * step)), *words[8 * step :]]) for step in range(4)]
    near = NearDuplicates()
    for number, text in enumerate(steps):
        near.add(number, text)
    assert near._similarity(0, 3) < LEAST - 0.1
    assert [group.tolist() for group in near.groups()] == [[0, 1, 2, 3]]


def test_many_texts_of_one_form_are_one_group():
    form = " ".join(f"word{number}" for number in range(60))
    assert found([f"{form} model {number}" for number in range(300)]) == [[*range(300)]]


def test_the_estimate_is_close_to_the_similarity():
    random, off = Random(1), []
    for _ in range(100):
        shared, own = random.randint(60, 240), random.randint(0, 60)
        near = NearDuplicates()
        common = " ".join(f"c{number}" for number in range(shared + 1))
        near.add(0, common)
        near.add(1, " ".join([common, *(f"o{number}" for number in range(own))]))
        off.append(near._similarity(0, 1) - shared / (shared + own))
    assert max(map(abs, off)) < 0.13
    assert abs(sum(off) / len(off)) < 0.02

import codecs
import re

import pytest

from rawtune.augmentation.questions import PLACEHOLDER, Templates, load, vary
from rawtune.errors import ConfigError
from rawtune.records import Example, Origin, Split, Suite

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def row(split=Split.TRAIN, concept="蒙卦"):
    return Example("r1", "p1", split, concept, concept, "山下出泉。", Origin.PICKED, "embedded:smollm2", "hash")


@LANGUAGES
def test_twenty_packaged_templates_to_train_and_five_to_ask(language):
    templates = load(language)
    assert (len(templates.train), len(templates.held_out)) == (20, 5)
    every = templates.train + templates.held_out
    assert all(line.count(PLACEHOLDER) == 1 and line.strip() == line for line in every)
    assert len({re.sub(r"\W", "", line.casefold()) for line in every}) == 25  # none is another with other marks


def test_the_packaged_templates_are_of_their_language():
    zh, en = load("zh"), load("en")
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in zh.train + zh.held_out)
    assert not any(re.search(r"[\u4e00-\u9fff]", line) for line in en.train + en.held_out)
    assert not any(re.search(r"[A-Za-z]", line.replace(PLACEHOLDER, "")) for line in zh.train + zh.held_out)


@LANGUAGES
def test_no_packaged_template_belongs_to_a_domain(language):
    templates = load(language)
    assert not any(word in line for line in templates.train + templates.held_out for word in ("卦", "hexagram", "教育"))


@LANGUAGES
def test_a_trained_passage_gives_training_rows_and_the_phrasing_suite(language):
    templates = load(language)
    rows = vary(row(), templates)
    assert [r.suite for r in rows] == [None] * 20 + [Suite.PHRASING] * 5
    assert [r.question for r in rows] == [t.format(concept="蒙卦") for t in templates.train + templates.held_out]
    assert [r.template for r in rows] == [*templates.train, *templates.held_out]
    assert len({r.id for r in rows} | {"r1"}) == 26
    for r in rows:
        assert (r.parent, r.passage_id, r.split, r.concept) == ("r1", "p1", Split.TRAIN, "蒙卦")
        assert (r.answer, r.origin, r.teacher, r.prompt_hash) == (
            "山下出泉。",
            Origin.PICKED,
            "embedded:smollm2",
            "hash",
        )


@LANGUAGES
def test_a_held_out_passage_gives_the_concept_suite_alone(language):
    templates = load(language)
    rows = vary(row(Split.HELD_OUT), templates)
    assert [r.suite for r in rows] == [Suite.CONCEPT] * 5
    assert [r.template for r in rows] == list(templates.held_out)
    assert {r.split for r in rows} == {Split.HELD_OUT}


def test_a_concept_with_braces_is_filled_in_as_it_is():
    rows = vary(row(concept="{concept} {0} \\1"), Templates(("什么是{concept}？",), ("讲讲{concept}。",)))
    assert [r.question for r in rows] == ["什么是{concept} {0} \\1？", "讲讲{concept} {0} \\1。"]


def test_the_same_row_and_template_have_the_same_id():
    assert [r.id for r in vary(row(), load("zh"))] == [r.id for r in vary(row(), load("zh"))]


def test_the_hash_tells_templates_apart():
    hashes = [
        load("en").hash,
        load("zh").hash,
        Templates(("{concept}?", "What is {concept}?"), ("{concept}!",)).hash,
        Templates(("{concept}?",), ("What is {concept}?", "{concept}!")).hash,
    ]
    assert len(set(hashes)) == 4
    assert load("en").hash == hashes[0]


def test_the_users_file_is_used(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_bytes(codecs.BOM_UTF8 + 'train: ["{concept}怎么办理？"]\nheld_out:\n  - 请问{concept}？\n'.encode())
    templates = load("en", path)
    assert (templates.train, templates.held_out) == (("{concept}怎么办理？",), ("请问{concept}？",))


def test_every_faulty_template_of_the_users_file_is_named(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_text(
        "train: ['{concept}?', 'no placeholder', '{concept} or {concept}', 'What is {Concept}?', 3]\n"
        "held_out: ['{concept}?', '没有概念', '好{concept}']\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load("en", path)
    faults = caught.value.message.splitlines()
    assert len(faults) == 6
    assert all(str(path) in fault for fault in faults)
    for line in ("no placeholder", "{concept} or {concept}", "What is {Concept}?", "'3'", "没有概念"):
        assert sum(line in fault and "exactly once" in fault for fault in faults) == 1
    assert sum("'{concept}?' stands there twice" in fault for fault in faults) == 1  # in train and in held_out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train: ['{concept}?']",
        "train: []\nheld_out: ['{concept}?']",
        "- a\n- b",
        "train: '{concept}?'\nheld_out: '{concept}!'",
    ],
)
def test_a_file_without_both_lists_is_a_fault(tmp_path, text):
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="needs two lists"):
        load("zh", path)


@pytest.mark.parametrize("data", [b"train: [", "train: ['{concept}是？']".encode("gb18030"), b"a: 1\na: 2", None])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path, data):
    path = tmp_path / "templates.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load("zh", path)
    assert str(path) in caught.value.message

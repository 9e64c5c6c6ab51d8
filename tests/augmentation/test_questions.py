import codecs

import pytest

from rawtune.augmentation.questions import PLACEHOLDER, UNNAMED, Templates, load, normalised, vary
from rawtune.errors import ConfigError
from rawtune.records import Example, Origin, Split, Suite

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
FAMILIES = {"define", "explain", "symbolise", "apply", "compare", "reverse", "casual", "typo_ridden", "very_short"}


ANSWER = "山下出泉。"


def filled(forms):
    return dict.fromkeys(forms, ANSWER)


def row(split=Split.TRAIN, concept="蒙卦"):
    return Example("r1", "p1", split, concept, concept, ANSWER, Origin.PICKED, "embedded:smollm2", "hash")


@LANGUAGES
def test_packaged_templates_stand_in_families_of_which_whole_ones_are_held_out(language):
    templates = load(language)
    assert set(templates.to_train) | set(templates.to_ask) == FAMILIES
    assert not set(templates.to_train) & set(templates.to_ask)
    assert min(map(len, templates.to_train.values())) >= 6
    every = templates.train + templates.held_out
    assert (len(every) >= 48, len(templates.held_out)) == (True, 5)  # the suite's size is what a comparison costs
    assert all(line.count(PLACEHOLDER) == 1 and line.strip() == line for line in every)
    assert len({normalised(line) for line in every}) == len(every)  # none is another with other marks


def test_the_packaged_templates_are_of_their_language():
    zh, en = load("zh"), load("en")
    forms = {line.replace(PLACEHOLDER, "") for line in zh.train + zh.held_out}
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in form) for form in forms - {"？"})
    assert not any(sign.isascii() and sign.isalpha() for form in forms for sign in form)
    assert all(line.isascii() for line in en.train + en.held_out)


@LANGUAGES
def test_no_packaged_template_belongs_to_a_domain(language):
    templates = load(language)
    assert not any(word in line for line in templates.train + templates.held_out for word in ("卦", "hexagram", "教育"))


@LANGUAGES
def test_a_trained_passage_gives_training_rows_and_the_phrasing_suite(language):
    templates = load(language)
    forms = templates.train[:20]
    rows = list(vary(row(), filled(forms), templates))
    assert [r.suite for r in rows] == [None] * 20 + [Suite.PHRASING] * 5
    assert [r.question for r in rows] == [t.format(concept="蒙卦") for t in forms + templates.held_out]
    assert [r.template for r in rows] == [*forms, *templates.held_out]
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
    rows = list(vary(row(Split.HELD_OUT), filled(templates.train), templates))
    assert [r.suite for r in rows] == [Suite.CONCEPT] * 5
    assert [r.template for r in rows] == list(templates.held_out)
    assert {r.split for r in rows} == {Split.HELD_OUT}


def test_held_out_templates_that_are_unfit_are_not_asked():
    templates = load("zh")
    left = [r.template for r in vary(row(), {}, templates, {templates.held_out[0]})]
    assert left == list(templates.held_out[1:])


def test_a_concept_with_braces_is_filled_in_as_it_is():
    templates = Templates({"define": ("什么是{concept}？",)}, {"casual": ("讲讲{concept}。",)})
    rows = vary(row(concept="{concept} {0} \\1"), filled(templates.train), templates)
    assert [r.question for r in rows] == ["什么是{concept} {0} \\1？", "讲讲{concept} {0} \\1。"]


def test_the_same_row_and_template_have_the_same_id():
    ids = [[r.id for r in vary(row(), filled(load("zh").train), load("zh"))] for _ in range(2)]
    assert ids[0] == ids[1]


def test_another_answer_is_another_row_and_the_test_keeps_the_rows_own():
    templates = Templates({"define": ("什么是{concept}？", "{concept}？")}, {"casual": ("讲讲{concept}。",)})
    same, other = (
        [*vary(row(), {**filled(templates.train), "{concept}？": said}, templates)] for said in (ANSWER, "泉。")
    )
    assert [r.answer for r in other] == [ANSWER, "泉。", ANSWER]
    assert [a.id == b.id for a, b in zip(same, other, strict=True)] == [True, False, True]


def test_the_hash_tells_templates_and_their_families_apart():
    made = [
        load("en"),
        load("zh"),
        Templates({"a": ("{concept}?", "What is {concept}?")}, {"b": ("{concept}!",)}),
        Templates({"a": ("{concept}?",), "c": ("What is {concept}?",)}, {"b": ("{concept}!",)}),
        Templates({"a": ("{concept}?",)}, {"b": ("What is {concept}?", "{concept}!")}),
    ]
    assert len({templates.hash for templates in made}) == len(made)
    assert load("en").hash == made[0].hash


def test_a_family_more():
    templates = load("zh").with_family("written", ["求教{concept}？"]).with_family("written", ["请教{concept}？"])
    assert templates.train[-2:] == ("求教{concept}？", "请教{concept}？")
    assert (templates.families["请教{concept}？"], templates.families["什么是{concept}？"]) == ("written", "define")
    assert templates.to_ask == load("zh").to_ask


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("什么是{concept}？", "什么是 {concept} ?", True),
        ("What is {concept}?", "what is {concept}", True),
        ("什么是{concept}？", "{concept}是什么？", False),
        ("Whats {concept}?", "Waht is {concept}?", False),
    ],
)
def test_what_makes_a_template_another_one(one, other, same):
    assert (normalised(one) == normalised(other)) is same


def test_the_users_file_is_used(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_bytes(codecs.BOM_UTF8 + 'train: ["{concept}怎么办理？"]\nheld_out:\n  - 请问{concept}？\n'.encode())
    templates = load("en", path)
    assert (templates.train, templates.held_out) == (("{concept}怎么办理？",), ("请问{concept}？",))
    assert list(templates.to_train) == [UNNAMED]


def test_the_users_file_may_name_families(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_text(
        "train:\n  办理: ['{concept}怎么办理？', '如何办理{concept}？']\n  费用: ['{concept}收费吗？']\n"
        "held_out: ['请问{concept}？']\n",
        encoding="utf-8",
    )
    templates = load("zh", path)
    assert templates.to_train == {
        "办理": ("{concept}怎么办理？", "如何办理{concept}？"),
        "费用": ("{concept}收费吗？",),
    }
    assert templates.held_out == ("请问{concept}？",)


def test_every_faulty_template_of_the_users_file_is_named(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_text(
        "train: ['{concept}?', 'no placeholder', '{concept} or {concept}', 'What is {Concept}?', 3]\n"
        "held_out: {casual: ['{concept}?', '没有概念'], apply: ['好{concept}']}\n",
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
        "train: {define: []}\nheld_out: ['{concept}?']",
        "train: {define: '{concept}?'}\nheld_out: ['{concept}!']",
        "train: {}\nheld_out: ['{concept}?']",
        "- a\n- b",
        "train: '{concept}?'\nheld_out: '{concept}!'",
    ],
)
def test_a_file_without_both_parts_is_a_fault(tmp_path, text):
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="needs train and held_out"):
        load("zh", path)


@pytest.mark.parametrize("data", [b"train: [", "train: ['{concept}是？']".encode("gb18030"), b"a: 1\na: 2", None])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path, data):
    path = tmp_path / "templates.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load("zh", path)
    assert str(path) in caught.value.message

"""Rows judged among others: what repeats, what an answer is about, what crosses splits."""

import json
import os
import random
import subprocess
import sys

import pytest

from rawtune.augmentation import questions
from rawtune.config import Verification
from rawtune.verification.answerability import one_concepts_words
from rawtune.verification.concepts import discover
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.seen import Seen

NAMES = {
    "zh": ["乾卦", "坤卦", "屯卦", "蒙卦", "需卦", "讼卦", "师卦", "小畜卦"],
    "en": ["Qian (Force)", "Kun (Field)", "Zhun (Sprouting)", "Meng (Youth)", "Xu (Waiting)", "Song (Dispute)"],
}
SAYS = {
    "zh": "{}说的是第{}种处境，其中自有应对之道，宜细心体会。",
    "en": "{} speaks of situation number {} and of the way to meet it with care.",
}


def rows(language, named=False):
    """Every template of the language filled with every concept, each concept with one answer."""
    return [
        (template.replace("{concept}", name), SAYS[language].format(name, number), name if named else "")
        for number, name in enumerate(NAMES[language])
        for template in questions.load(language).train[:20]
    ]


def check(given, **settings):
    """Row number and code of every finding of the rules that look at all rows."""
    made = [
        Row(
            question,
            answer,
            concept=concept[0] if concept else "",
            split=concept[1] if len(concept) > 1 else "",
            number=n,
        )
        for n, (question, answer, *concept) in enumerate(given, 1)
    ]
    checker = Checker(Verification(select=("RT4", "RT502", "RT6"), **settings), seen=Seen.gather(lambda: iter(made)))
    return [(row.number, finding.code) for row in made for finding in checker.check(row)]


both = pytest.mark.parametrize("language", ["zh", "en"])
ways = pytest.mark.parametrize("named", [True, False], ids=["named", "discovered"])


@both
@ways
def test_twenty_templates_for_each_concept_are_no_duplicates(language, named):
    assert check(rows(language, named)) == []


@both
def test_the_concepts_of_a_file_are_found_in_its_questions(language):
    groups = {}
    for question, answer, _ in rows(language):
        groups.setdefault(answer, []).append(question)
    found = discover(groups, {})
    for number, name in enumerate(NAMES[language]):
        (concept,) = found.of[SAYS[language].format(name, number)]
        assert concept.strip("()") in name
    assert len(found.templates) == 20


@both
@ways
def test_a_row_with_another_concepts_answer_is_found(language, named):
    given = rows(language, named)
    question, _, concept = given[67]
    given[67] = (question, given[2][1], concept)
    assert (68, "RT403") in check(given)
    assert {row for row, code in check(given) if code == "RT403"} == {68}


@both
@ways
def test_a_whole_block_with_another_concepts_answer_is_found(language, named):
    given = rows(language, named)
    for at in range(60, 80):
        given[at] = (given[at][0], given[at - 60][1], given[at][2])
    assert {row for row, code in check(given) if code == "RT403"} == set(range(61, 81))


def test_bare_concepts_with_one_answer_are_found_by_whom_the_answer_names():
    answer = "蒙卦象征启蒙，如同山下流出的泉水。"
    assert check([("蒙卦", answer), ("屯卦", answer)]) == [(2, "RT403")]


def test_several_ways_to_ask_for_one_answer_are_well():
    answer = "Open the settings, choose Security, then press Reset, and a new password is mailed to you."
    asked = [
        "How do I reset my password?",
        "I forgot my password, what now?",
        "I cannot log in to my account any more.",
    ]
    assert check([(question, answer) for question in asked]) == []
    assert check([("Is it red?", "Yes, it is."), ("Is it blue?", "Yes, it is.")]) == []


@both
def test_the_same_row_again_is_found_at_its_second_place(language):
    given = rows(language)
    assert check([*given, given[5]]) == [(len(given) + 1, "RT401")]


def test_near_same_questions_are_compared_within_one_concept_only():
    answer = "蒙卦象征启蒙，如同山下流出的泉水。"
    assert check([("蒙卦代表什么？", answer, "蒙卦"), ("蒙卦代表什么。", answer, "蒙卦")]) == [(2, "RT402")]
    assert check([("EXPLAIN MENG.", answer, "Meng"), ("Explain Meng!", answer, "Meng")]) == [(2, "RT402")]
    other = "屯卦象征万物初生时的艰难，宜守。"
    assert check([("蒙卦代表什么？", answer, "蒙卦"), ("屯卦代表什么？", other, "屯卦")]) == []


def test_one_question_with_two_answers_is_named_once_for_each_further_answer():
    first, second = "蒙卦象征启蒙，如同山下流出的泉水。", "蒙卦是六十四卦中的第四卦，上艮下坎。"
    given = [("蒙卦是什么？", first, "蒙卦"), ("蒙卦是什么？", second, "蒙卦"), ("蒙卦是什么？", first, "蒙卦")]
    assert check(given) == [(2, "RT404"), (3, "RT401")]


def test_a_later_turn_of_a_talk_is_no_duplicate():
    def codes(*talks: Row) -> list[list[str]]:
        checker = Checker(Verification(select=("RT4",)), seen=Seen.gather(lambda: talks))
        return [[finding.code for finding in checker.check(row)] for row in talks]

    thanks = ("谢谢", "不客气，很高兴能帮到您，再见。")
    assert codes(*(Row(*thanks, number=n, goes_on=True) for n in (1, 2))) == [[], []]
    assert codes(*(Row(*thanks, number=n, earlier=f"第{n}段") for n in (1, 2))) == [[], []]
    assert codes(*(Row(*thanks, number=n, earlier="同一段") for n in (1, 2))) == [[], ["RT401"]]


@pytest.mark.parametrize("split", ["train", "Train", "train_sft", "训练集"])
def test_a_training_split_is_known_by_its_name(split):
    answer = "蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向。"
    given = [("蒙卦是什么？", answer, "", split), ("什么是蒙卦？", answer, "", "test")]
    assert check(given) == [(2, "RT502")]


def test_what_is_found_does_not_depend_on_the_process(tmp_path):
    words = "春江潮水连海平月共生滟随波千万里何处无明流宛转绕芳甸照花林皆似霰空里霜不觉飞"
    chance = random.Random(1)
    asked = ["".join(chance.choice(words) for _ in range(60)) for _ in range(60)]
    asked += [f"{text[:-1]}山" for text in asked]
    rows = [{"concept": "月", "question": text, "answer": f"{text}，这是答案。"} for text in asked]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    told = [
        subprocess.run(
            [sys.executable, "-m", "rawtune", "check", str(path), "--select", "RT402", "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=False,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0].count(b"RT402") > 40


@pytest.mark.parametrize(
    "answer",
    [
        "Meng is a spring at the foot of a mountain, clear and without direction.",
        "蒙卦象征启蒙，如同山下流出的泉水，清澈而不知去向。",
    ],
)
def test_a_held_out_answer_that_training_holds_is_found_at_the_held_out_row(answer):
    train, longer = ("What is it?", answer, "", "train"), ("And it?", f"{answer[:-1]}, they say.", "", "train")
    assert check([train, ("Explain it.", answer, "", "test")]) == [(2, "RT502")]
    assert check([("Explain it.", answer, "", "test"), longer]) == [(1, "RT502")]
    assert check([train, ("Explain it.", "Something else altogether is said here.", "", "test")]) == []
    assert check([("A?", "Yes.", "", "train"), ("B?", "Yes.", "", "test")]) == []


@both
def test_the_packaged_templates_ask_for_no_concepts_own_words(language):
    lines = [*questions.load(language).train, *questions.load(language).held_out]
    texts = {f"c{n}": line for n, line in enumerate(lines)}
    assert one_concepts_words({line: texts.keys() for line in lines}, texts) == {}


@pytest.mark.parametrize(
    ("template", "texts", "found"),
    [
        ("{}与教育有什么关系？", {"蒙卦": "启蒙与教育", "屯卦": "艰难", "需卦": "等待"}, ("教育", "蒙卦")),
        ("{}代表什么？", {"蒙卦": "代表启蒙", "屯卦": "艰难", "需卦": "等待"}, None),
        (
            "What has {} to do with education?",
            {"Meng": "the education of youth", "Zhun": "x", "Xu": "y"},
            ("educat", "Meng"),
        ),
        ("What has {} to do with education?", {"Meng": "education", "Zhun": "education", "Xu": "y"}, None),
        ("What has {} to do with education?", {"Meng": "education", "Zhun": "x"}, None),
    ],
)
def test_a_word_of_one_concept_alone_is_found(template, texts, found):
    assert one_concepts_words({template: texts.keys()}, texts) == ({template: found} if found else {})


def test_rows_of_a_template_made_for_another_concept_are_found():
    given = [
        *rows("zh"),
        *((f"{name}与教育有何渊源？", SAYS["zh"].format(name, n)) for n, name in enumerate(NAMES["zh"])),
    ]
    given = [(q, a.replace("应对之道", "教育之道") if a.startswith("蒙卦") else a) for q, a, *_ in given]
    assert [code for _, code in check(given)] == ["RT601"] * 7

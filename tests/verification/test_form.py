from importlib.resources import files

import pytest

from rawtune.augmentation import questions
from rawtune.config import Verification
from rawtune.passages import sentences
from rawtune.passages.split import split
from rawtune.records import Document
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker

COLUMNS = ("content", "summary")
QUESTION = "What does Meng mean?"
ANSWER = "Meng is a spring at the foot of a mountain."


CHECKER = Checker(Verification(select=("RT1",)))


def check(question, answer, columns=COLUMNS, closed=False):
    return CHECKER.check(Row(question, answer, columns, closed=closed))


def codes(question, answer, columns=COLUMNS):
    return [finding.code for finding in check(question, answer, columns)]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, ANSWER),
        ("蒙卦", "蒙卦上艮下坎，山下出泉，象征启蒙。"),
        ("蒙卦", "卦辞：亨。匪我求童蒙，童蒙求我。"),
        ("蒙卦", "大象说：“山下出泉，蒙。君子以果行育德。”"),
        ("蒙卦", "《易经》称之为「蒙」（童蒙）"),
        ("蒙卦", "注意：开门时间是10:30！"),
        ("Meng", 'It says "ask once", not "ask twice".'),
        ("Meng", "Note: the source of the river is a comment on youth."),
        ("Meng", "Really? Yes!"),
        ("Meng", "“Ask once,” it says, “and mean it.”"),
        ("Meng", "A set such as {1, 2} is written in braces."),
        ("Meng", "It is youth (see the fourth hexagram)."),
        ("Meng", "First line.\nSecond line."),
    ],
)
def test_good_rows_have_no_finding(question, answer):
    assert codes(question, answer) == []


@pytest.mark.parametrize(
    ("code", "question", "answer"),
    [
        ("RT101", "Meng", 'Youth. summary: "Meng is youth."'),
        ("RT101", "Meng", 'Youth. Source: "The Book of Changes."'),
        ("RT101", "Meng", "Youth. interpretation:“A spring.”"),
        ("RT101", 'Meng", "comment": "x', ANSWER),
        ("RT101", "蒙卦", '启蒙。"summary"："山下出泉。"'),
        ("RT101", "蒙卦", "启蒙。来源：“《易经》。”"),
        ("RT101", "蒙卦", '启蒙。 备注："仅供参考。"'),
        ("RT102", "Meng", 'Meng is "youth.'),
        ("RT102", 'Meng"', ANSWER),
        ("RT102", "蒙卦", "他说：“山下出泉。"),
        ("RT102", "蒙卦", "山下出泉。”然后“启蒙。"),
        ("RT102", "蒙卦", "「山下出泉。"),
        ("RT102", "蒙卦", "山下』出泉。"),
        ("RT103", "{Meng}", ANSWER),
        ("RT103", "What does {concept} mean?", ANSWER),
        ("RT103", "｛蒙卦", "启蒙。"),
        ("RT104", "Meng", '{"text": "Meng is youth."}.'),
        ("RT104", "蒙卦", ' ["启蒙。"]。'),
        ("RT104", "蒙卦", "｛启蒙。"),
        ("RT105", "Meng", r"Meng is youth.\nIt asks."),
        ("RT105", "蒙卦", r"启蒙。\u4e00。"),
        ("RT105", r"蒙卦\n", "启蒙。"),
        ("RT106", "Meng", "Meng is a spring at the"),
        ("RT106", "蒙卦", "蒙卦上艮下坎，"),
        ("RT106", "蒙卦", "蒙卦说：“山下出泉”"),
        ("RT106", "Meng", ""),
    ],
)
def test_each_rule_finds_its_fault(code, question, answer):
    assert code in codes(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"), [("Meng", "Meng is a spring at the foot of a mountain"), ("蒙卦", "山下出泉，象征启蒙")]
)
def test_a_missing_full_stop_is_no_fault_of_an_answer_that_is_known_to_be_whole(question, answer):
    assert codes(question, answer) == ["RT106"]
    assert check(question, answer, closed=True) == []


@pytest.mark.parametrize(
    "fault", ['source: "x"', "“", '"', r"\n", "Source ： “", '来源": "', 'ſummary: "', 'summary\n:\n"', "SUMMARY”：“"]
)
def test_every_other_rule_holds_for_a_whole_answer_too(fault):
    for answer in (f"Youth {fault}", f"启蒙。{fault}"):
        found = check("Meng", answer, closed=True)
        assert found == [finding for finding in check("Meng", answer) if finding.code != "RT106"]
        assert found


def test_the_configured_columns_are_the_keys_looked_for():
    text = '启蒙。解读："山下出泉。"'
    assert codes("蒙卦", text, ("概念", "解读")) == ["RT101"]
    assert codes("x", 'Youth. reading: "A spring."', ("concept", "reading")) == ["RT101"]
    assert codes("x", 'Youth. reading: "A spring."') == []


def test_a_finding_names_the_column_the_place_and_the_reason():
    answer = '山下出泉。summary:"启蒙。"'
    (finding,) = check("蒙卦", answer)
    assert finding.column == "summary"
    assert answer[finding.start : finding.end].startswith("summary:")
    assert "'summary'" in finding.message
    (finding,) = check("蒙{卦", "启蒙。")
    assert (finding.column, finding.start, finding.end) == ("content", 1, 2)
    (finding,) = check("Meng", "山下”出泉。")
    assert (finding.start, finding.end) == (2, 3)


# A file as the cutting of replies at the wrong place once made it: eight concepts, twenty questions each, six of the
# eight broken, every one in all its twenty rows.

BREAKAGES = [
    lambda c, a: (c, a + '\\n", "interpretation": "' + a),  # an extra key, and a line end that never became one
    lambda c, a: (c, a[:-1] + '", "source": "' + c),  # cut behind the next key
    lambda c, a: (c + '", "summary": "' + a[:20], a),  # the question holds the answer
    lambda c, a: (c, '{"content": "' + c + '", "summary": "' + a + '"}'),  # JSON in JSON
    lambda c, a: (c, a + '"'),  # a stray quote
    lambda c, a: (c, a[: len(a) // 2].rstrip("。.")),  # cut in the middle
]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_all_120_broken_rows_of_160_are_found_and_none_of_the_mended_file(language):
    source = files("rawtune") / f"examples/zhouyi-{language}/raw/hexagrams.txt"
    document = Document("raw/a.txt", "", source.read_text(encoding="utf-8"))
    concepts = [passage.text.split("\n") for passage in list(split([document], 10_000))[:8]]
    good = [(lines[0], lines[-1]) for lines in concepts]
    broken = [BREAKAGES[i](*row) if i < len(BREAKAGES) else row for i, row in enumerate(good)]
    templates = questions.load(language).train

    def rows(pairs):
        return [(template.replace("{concept}", concept), answer) for concept, answer in pairs for template in templates]

    assert len(rows(broken)) == 160
    assert sum(bool(codes(*row)) for row in rows(broken)) == 120
    assert not any(codes(*row) for row in rows(good))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_sentence_of_the_shipped_corpora_is_a_false_alarm(language):
    source = files("rawtune") / f"examples/zhouyi-{language}/raw/hexagrams.txt"
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.endswith(("。", ".")):
            for start, end in sentences.spans(line):
                assert codes("concept", line[start:end]) == []

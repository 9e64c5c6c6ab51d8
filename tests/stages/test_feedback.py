"""Verdicts to rows, through whole projects; the teacher is a script, or an endpoint on loopback."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, completion, configure, write_row

from rawtune import project
from rawtune.errors import GateFailed
from rawtune.ledger.feedback import Fate, Feedback, Verdict
from rawtune.project import Project
from rawtune.records import Message, Split, Suite
from rawtune.stages import feedback

TEXTS = {
    "en": (
        "Warranty\nThe warranty lasts 3 years and starts on the day of purchase. Damage by water is not covered.",
        "Battery\nThe battery of the X200 holds for 12 hours and is charged within 90 minutes with its own charger.",
        "Display\nThe display of the X200 shows 4000 colours and is cleaned with a dry cloth, never with alcohol.",
        "Returns\nA device may be returned within 14 days, unopened and in its box, to the shop that sold it.",
    ),
    "zh": (
        "保修\n保修期为三年，自购买之日起计算。进水造成的损坏不在保修范围内。",
        "电池\n电池可连续使用12小时，使用随附的充电器可在90分钟内充满。",
        "屏幕\n屏幕可显示4000种颜色，请用干布擦拭，切勿使用酒精。",
        "退货\n未拆封的设备可在14天内连同包装盒退回原销售门店。",
    ),
}
ASKED = {"en": ("How long does it run on its battery?", "The battery of the X200 holds for 12 hours."),
         "zh": ("充满电能用多久？", "电池可连续使用12小时。")}  # fmt: skip
WRONG = {"en": "The battery holds for 99 hours.", "zh": "电池可连续使用99小时。"}


def make(folder: Path, language: str = "en", held_out: float = 0, **settings) -> Path:
    source = folder / "guide.txt"
    source.write_text("\n\n".join(TEXTS[language]), encoding="utf-8")
    chosen = {"teacher": {"model": "scripted:"}, "passages": {"held_out": held_out}, **settings}
    return project.create(folder / "guide", source=source, settings=chosen)


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    return make(tmp_path)


def say(opened: Project, question: str, answer: str, verdict=Verdict.GOOD, correction="", **more) -> None:
    opened.keep_feedback(Feedback("tuned", question, answer, verdict, correction, **more))


def fates(opened: Project) -> Counter[str]:
    considered = opened.take_feedback()
    assert considered.ended == tuple(opened.feedback())
    assert sum(considered.summary.values()) == 2 * len(considered.ended)
    return Counter(one.fate.value for one in considered.ended)


def trained(opened: Project) -> dict[str, list[str]]:
    """By question, the answers that are trained."""
    opened.augment()
    found: dict[str, list[str]] = {}
    for row in opened._work.ledger.dataset_rows():
        found.setdefault(row.question, []).append(row.answer)
    return found


@pytest.mark.parametrize("language", TEXTS)
def test_good_answers_and_corrections_become_rows(tmp_path: Path, language: str) -> None:
    question, answer = ASKED[language]
    other = TEXTS[language][2].partition("\n")
    with Project(make(tmp_path, language)) as opened:
        before = trained(opened)
        assert question not in before
        say(opened, question, WRONG[language], Verdict.BAD, answer)
        say(opened, f"{other[0]}?", other[2])
        assert fates(opened) == {"taken": 2}
        assert opened.status()[3].reasons == ("feedback that was taken new",)
        after = trained(opened)
        assert after.pop(question) == [answer]
        assert after.pop(f"{other[0]}?") == [other[2]]
        assert after == {name: said for name, said in before.items() if name in after}
        assert opened.status()[3].current
        (row,) = [row for row in opened._work.ledger.dataset_rows() if row.question == question]
        assert (row.template, row.source.origin, row.source.teacher) == ("feedback", "edited", "by hand")
        assert row.source.concept == TEXTS[language][1].partition("\n")[0]
        assert fates(opened) == {"taken": 2}, "looked at again, nothing changes"
        assert opened.status()[3].current


@pytest.mark.parametrize("language", TEXTS)
def test_what_the_rules_find_wrong_is_refused_with_their_codes(tmp_path: Path, language: str) -> None:
    with Project(make(tmp_path, language)) as opened:
        opened.augment()
        say(opened, ASKED[language][0], WRONG[language])
        assert fates(opened) == {"refused": 1}
        assert "RT201" in opened.feedback()[0].reason
        assert ASKED[language][0] not in trained(opened)
        say(opened, ASKED[language][0], WRONG[language], Verdict.BAD, ASKED[language][1])
        assert fates(opened) == {"taken": 1}, "the last verdict counts"


def test_each_verdict_ends_in_a_named_state(guide: Path) -> None:
    before = (Message("user", "What of the battery?"), Message("assistant", "It lasts."))
    with Project(guide) as opened:
        say(opened, *ASKED["en"])
        assert fates(opened) == {"taken": 1}, "it joins when its passage has a row"
        rows = trained(opened)
        test = next(row for row in opened._work.ledger.held_out_rows() if row.source.concept == "Battery")
        say(opened, "Who wrote Faust?", "Goethe wrote Faust.")
        say(opened, test.question, ASKED["en"][1])
        known = next(name for name, said in rows.items() if "Battery" in name)
        say(opened, known, rows[known][0])
        say(opened, "And for how long?", "The battery of the X200 holds for 12 hours.", history=before)
        say(opened, "How quickly does the battery charge?", "The battery is charged within 90 minutes.", history=before)
        say(opened, next(name for name in rows if "Returns" in name), "I do not know.", Verdict.BAD)
        assert fates(opened) == {"taken": 2, "no passage": 1, "held out": 1, "already here": 2, "waiting": 1}
        reasons = [one.reason for one in opened.feedback()]
        assert reasons == [
            "",
            "no passage of this project speaks of it",
            "the test asks its question",
            "it is trained like this already",
            "its question leans on what was said before; ask it in full after /clear",
            "",
            "its question is trained already, with another answer",
        ]
        assert opened.export().is_file()


def test_a_passage_that_is_held_out_is_never_trained_on(tmp_path: Path) -> None:
    with Project(make(tmp_path, held_out=0.25)) as opened:
        opened.augment()
        (held,) = [passage for passage, _ in opened.outcomes() if passage.split is Split.HELD_OUT]
        concept, _, text = held.text.partition("\n")
        say(opened, f"Tell me about the {concept.lower()}, please?", text)
        other = next(text for text in TEXTS["en"] if not text.startswith(concept))
        say(opened, f"{other.partition(chr(10))[0]}, or what?", "Nobody knows.", Verdict.BAD, text)
        counts = fates(opened)
        assert counts["taken"] == 0
        assert counts["held out"] >= 1
        rows = trained(opened)
        assert not any(text in answers for answers in rows.values())
        opened.export()


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize(("ignore", "fate"), [([], "held out"), (["RT502"], "taken")])
def test_held_out_answers_are_compared_unless_the_rule_is_ignored(
    tmp_path: Path, language: str, ignore: list[str], fate: str
) -> None:
    question, answer = ASKED[language]
    with Project(make(tmp_path, language, verification={"ignore": ignore})) as opened:
        opened.augment()
        say(opened, question, answer)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("rawtune.stages.feedback.crossed", lambda rows: {row.answer: row.number for row in rows()})
            assert fates(opened) == {fate: 1}


def test_a_correction_stands_in_for_the_row_of_its_question(guide: Path) -> None:
    with Project(guide) as opened:
        rows = trained(opened)
        known = next(name for name in rows if "Battery" in name)
        right = "It holds for 12 hours and is charged within 90 minutes."
        say(opened, known, "12.", Verdict.BAD, right)
        assert fates(opened) == {"taken": 1}
        after = trained(opened)
        assert after[known] == [right]
        assert len(after) == len(rows)


@pytest.mark.parametrize("language", TEXTS)
def test_what_joins_is_told_and_adds_up(tmp_path: Path, language: str) -> None:
    question, answer = ASKED[language]
    concept = TEXTS[language][1].partition("\n")[0]
    with Project(make(tmp_path, language)) as opened:
        assert "feedback" not in opened.augment()
        known = next(row.question for row in opened._work.ledger.training_rows() if row.concept == concept)
        say(opened, question, answer)
        say(opened, known, "?", Verdict.BAD, answer)
        assert fates(opened) == {"taken": 2}
        figures = {"joined": 2, "displaced_rows": 1, "asked_in_test": 0, "without_row": 0}
        assert opened.augment()["feedback"] == figures
        ledger = opened._work.ledger
        parents = ledger.synthesised()
        rows = [row for row in ledger.training_rows() if row.template != "feedback"]
        lines: list[str] = []
        opened._work.progress.say = lines.append  # type: ignore[method-assign]
        other = next(parent.passage_id for parent in parents if parent.concept != concept)
        elsewhere = replace(rows[0], question=known, passage_id=other)
        asked = replace(rows[0], question=question, suite=Suite.PHRASING)
        joined, told = feedback.joined(opened._work, [elsewhere, asked], parents)
        assert told == {"feedback": {"joined": 1, "displaced_rows": 0, "asked_in_test": 1, "without_row": 0}}
        assert joined[:2] == [elsewhere, asked], "another passage's row of the same question stays"
        _, told = feedback.joined(opened._work, rows, [row for row in parents if row.concept != concept])
        assert told == {"feedback": {"joined": 0, "displaced_rows": 0, "asked_in_test": 0, "without_row": 2}}
        assert "the passages of 2 have no row to train on" in lines[-1]


def test_of_two_answers_to_one_question_the_newer_is_taken(guide: Path) -> None:
    question, answer = ASKED["en"]
    with Project(guide) as opened:
        opened.augment()
        say(opened, question, answer, created="2026-01-01")
        say(opened, question.upper(), "12", Verdict.BAD, "It holds for 12 hours.", created="2026-01-02")
        say(opened, question, "13", Verdict.BAD, created="2026-01-03")
        assert fates(opened) == {"taken": 1, "already here": 2}
        assert [one.fate for one in opened.feedback()] == [Fate.HERE, Fate.TAKEN, Fate.HERE]


def test_what_was_taken_leaves_with_its_passage(guide: Path) -> None:
    question, answer = ASKED["en"]
    with Project(guide) as opened:
        opened.augment()
        say(opened, question, answer)
        assert fates(opened) == {"taken": 1}
        assert question in trained(opened)
        path = guide / "raw" / "guide.txt"
        path.write_text("\n\n".join(TEXTS["en"][:1] + TEXTS["en"][2:]), encoding="utf-8")
        assert question not in trained(opened)
        assert fates(opened)["taken"] == 0


def test_an_export_with_feedback_comes_back_as_it_was(guide: Path, tmp_path: Path) -> None:
    question, answer = ASKED["en"]
    with Project(guide) as opened:
        opened.augment()
        say(opened, question, answer)
        opened.take_feedback()
        path = opened.export()
        assert {row.fate.value for row in opened.import_rows(path).rows} == {"already here"}
        changed = tmp_path / "changed.csv"
        text = path.read_text(encoding="utf-8-sig")
        changed.write_text(text.replace(f"{question},{answer}", f"{question},It holds for 12 hours."), encoding="utf-8")
        imported = opened.import_rows(changed)
        assert (imported.new, imported.changed, imported.own, imported.refused) == (0, 0, 1, [])
        assert [one.fate for one in opened.feedback()] == [Fate.HERE, Fate.TAKEN]
        assert trained(opened)[question] == ["It holds for 12 hours."]


class Teacher:
    """A teacher behind an endpoint: rows as ever, and to a user's question what ``says`` holds."""

    def __init__(self, says: str) -> None:
        self.says, self.asked = says, 0
        self.endpoint = Endpoint()
        self.endpoint.answer = self.answer

    def answer(self, request):
        if "Question:" not in request["messages"][-1]["content"]:
            return 200, completion(write_row(request))
        self.asked += 1
        return (200, completion(self.says)) if self.says else (400, {"error": {"message": "no"}})


@pytest.mark.parametrize("language", TEXTS)
def test_what_is_not_taken_answers_no_other_feedback(tmp_path: Path, language: str) -> None:
    question, answer = ASKED[language]
    other, wrong = TEXTS[language][2].partition("\n")[2], WRONG[language]
    with Project(make(tmp_path, language)) as opened:
        opened.augment()
        say(opened, question, "?", Verdict.BAD, created="2026-01-01")
        say(opened, question, wrong, created="2026-01-02")
        assert fates(opened) == {"waiting": 1, "refused": 1}
        say(opened, question, answer, created="2026-01-03")
        assert fates(opened) == {"already here": 1, "refused": 1, "taken": 1}
        assert opened.feedback()[0].reason == "other feedback answers its question"
        asked = f"{TEXTS[language][2].partition(chr(10))[0]}?"
        clean = {"en": "It is cleaned with a dry cloth, never with alcohol.", "zh": "请用干布擦拭，切勿使用酒精。"}
        say(opened, asked, "!", Verdict.BAD, clean[language], created="2026-01-04")
        say(opened, asked, other, created="2026-01-05")
        with pytest.MonkeyPatch.context() as patched:  # one leak at a time, as ``crossed`` names them

            def leaks(rows):
                return {row.answer: row.number for row in rows() if row.answer == other}

            patched.setattr("rawtune.stages.feedback.crossed", leaks)
            fates(opened)
        assert [one.fate for one in opened.feedback()[3:]] == [Fate.TAKEN, Fate.HELD_OUT]


@pytest.fixture
def teacher():
    teacher = Teacher(json.dumps({"answer": [ASKED["en"][1]]}))
    yield teacher
    teacher.endpoint.close()


def with_teacher(folder: Path, teacher: Teacher, **settings) -> Path:
    made = make(folder, teacher={"model": "openai:local", "base_url": teacher.endpoint.url, "attempts": 1}, **settings)
    configure(made, {"  base_url": teacher.endpoint.url})
    return made


def test_a_bad_answer_is_written_anew_by_a_teacher_and_paid_for_once(tmp_path: Path, teacher: Teacher) -> None:
    with Project(with_teacher(tmp_path, teacher)) as opened:
        opened.augment()
        say(opened, ASKED["en"][0], "99 hours.", Verdict.BAD)
        assert fates(opened) == fates(opened) == {"taken": 1}
        assert teacher.asked == 1
        assert "12 hours" in teacher.endpoint.asked[-1]["messages"][-1]["content"]
        (one,) = opened.feedback()
        assert (one.row, one.author) == (ASKED["en"][1], "openai:local")
        assert trained(opened)[ASKED["en"][0]] == [ASKED["en"][1]]
        (row,) = [row for row in opened._work.ledger.dataset_rows() if row.question == ASKED["en"][0]]
        assert (row.source.origin, row.source.teacher) == ("written", "openai:local")


@pytest.mark.parametrize(
    ("says", "fate", "reason"),
    [
        ('{"answer": []}', "waiting", "the teacher found none"),
        ("no JSON", "waiting", "the teacher found none"),
        ('{"answer": ["It holds for 99 hours."]}', "refused", "RT201"),
        ("", "waiting", "HTTP 400"),
    ],
)
def test_what_a_teacher_does_not_bring_is_named(tmp_path: Path, teacher: Teacher, says, fate, reason) -> None:
    with Project(with_teacher(tmp_path, teacher)) as opened:
        opened.augment()
        teacher.says = says
        say(opened, ASKED["en"][0], "99 hours.", Verdict.BAD)
        say(opened, "How many colours has the display?", "The display of the X200 shows 4000 colours.")
        assert fates(opened) == {fate: 1, "taken": 1}, "what needs no teacher is taken all the same"
        assert reason in opened.feedback()[0].reason


def test_a_teacher_that_only_picks_is_not_asked(tmp_path: Path) -> None:
    made = make(tmp_path)
    with Project(made) as opened:
        opened.augment()
    configure(made, {"  model": "embedded:smollm2"})
    with Project(made) as opened:
        say(opened, ASKED["en"][0], "99 hours.", Verdict.BAD)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("rawtune.stages.synthesise.made_by", lambda work: "")
            assert fates(opened) == {"waiting": 1}
        assert "can only pick sentences" in opened.feedback()[0].reason


def test_money_is_asked_about_before_it_is_spent(tmp_path: Path, teacher: Teacher) -> None:
    made = with_teacher(tmp_path, teacher)
    with Project(made) as opened:
        opened.augment()
    configure(made, {"  price": "{input: 1000000, output: 1000000}", "  confirm_above": "0.01"})
    with Project(made) as opened:
        say(opened, ASKED["en"][0], "99 hours.", Verdict.BAD)
        with pytest.raises(GateFailed, match="not begun"):
            opened.take_feedback()
        assert teacher.asked == 0
        assert [one.fate for one in opened.feedback()] == [Fate.NEW]

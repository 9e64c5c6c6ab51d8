"""Questions of other kinds and other wordings through a project: verified, accounted for, paid once."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rawtune import project
from rawtune.dataset import files
from rawtune.errors import CallRejected, ConfigError, GateFailed, RawtuneError, UsageError
from rawtune.ledger.feedback import Feedback, Verdict
from rawtune.llm import open_teacher
from rawtune.llm.scripted import Scripted
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import Example, Origin, Reply, ReplyForm, Request, Split, Suite
from rawtune.stages.questions import questions

NAMES = {
    "zh": ["蒙卦", "乾卦", "坤卦", "屯卦", "需卦", "讼卦", "师卦", "比卦"],
    "en": ["Meng", "Qian", "Kun", "Zhun", "Xu", "Song", "Shi", "Bi"],
}
IMAGES = {
    "zh": ["山下泉水", "高天运行", "大地承载", "草木初生", "云在天上", "天水相背", "地中藏水", "地上流水"],
    "en": [
        "a spring",
        "the sky",
        "broad earth",
        "sprouts",
        "clouds",
        "parting rivers",
        "hidden water",
        "streams",
    ],
}
SAYS = {
    "zh": "{name}\n{name}讲的是{image}，共有{number}条。{name}劝人看{image}而知进退。",
    "en": "{name}\n{name} is the sign of {image} and has {number} rules. {name} tells us to watch {image} patiently.",
}
KINDS = {
    "zh": {
        "why": ("{name}为何劝人看{image}？", "为了从{image}而知进退。"),
        "reverse": ("何者讲的是{image}？", ""),
        "unanswerable": ("{name}是谁写的？", ""),
        "follow_up": ("那它共有多少条？", "一共是{number}条。"),
    },
    "en": {
        "why": ("Why does {name} speak of {image}?", "It tells us to watch {image} patiently."),
        "reverse": ("Which sign is that of {image}?", ""),
        "unanswerable": ("Who wrote {name}?", ""),
        "follow_up": ("And how many rules has it?", "There are {number} rules in it."),
    },
}
WORDINGS = {
    "zh": "{image}，共有{number}条，是{name}所讲；看它而知进退。",
    "en": "The {number} rules of {name} are the sign of {image}.",
}
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


class Author:
    """A teacher that writes good parts by the concept's name; ``spoil`` may change them. It keeps these requests."""

    def __init__(self, language: str = "zh") -> None:
        self.language = language
        self.asked: list[Request] = []
        self.spoil: Callable[[str, str, dict[str, str]], object] = lambda name, part, texts: texts
        self.fails = False
        self.quote = ""

    def parts(self, request: Request) -> Any:
        first = request.messages[1].content
        if self.fails:
            raise CallRejected("no")
        self.asked.append(request)
        if '{"found"' in request.messages[0].content:
            return {"found": {"quote": self.quote}}
        at = next(i for i, name in enumerate(NAMES[self.language]) if f"{name}\n" in first)
        name = NAMES[self.language][at]
        facts = {"name": name, "image": IMAGES[self.language][at], "number": str(at + 13)}
        wanted = json.loads(re.findall(r"{\"[^\n]*}", request.messages[-1].content)[-1])
        told = {}
        for part, texts in wanted.items():
            said = ("", WORDINGS[self.language]) if part.isdigit() else KINDS[self.language][part]
            filled = dict(zip(("question", "answer"), (line.format(**facts) for line in said), strict=True))
            told[part] = self.spoil(name, part, {text: filled[text] for text in texts})
        return told

    def teacher(self, columns: tuple[str, str]) -> Scripted:
        rows = Scripted(columns)

        def script(request: Request) -> str | Reply:
            if "content" in request.messages[0].content:
                return rows._row(request)
            return json.dumps(self.parts(request), ensure_ascii=False)

        return Scripted(columns, script)


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> Author:
    made = Author()
    monkeypatch.setattr("rawtune.stages.session.open_teacher", lambda settings, columns: made.teacher(columns))
    return made


def make(folder: Path, language: str = "zh", held_out: float = 0, **augmentation: Any) -> Path:
    source = folder / "book.txt"
    facts = zip(NAMES[language], IMAGES[language], range(13, 21), strict=True)
    texts = [SAYS[language].format(name=name, image=image, number=number) for name, image, number in facts]
    source.write_text("\n\n".join(texts), encoding="utf-8")
    settings = {
        "teacher": {"model": "scripted:"},
        "passages": {"held_out": held_out},
        "augmentation": {"variants": 4, **augmentation},
    }
    return project.create(folder / "book", source=source, settings=settings)


def augment(made: Path, heard: Heard | None = None) -> dict[str, Any]:
    with Project(made, heard or Heard()) as opened:
        figures: dict[str, Any] = opened.augment()
        return figures


def trained(made: Path) -> list[Example]:
    with Project(made) as opened:
        return list(opened._work.ledger.training_rows())


def change(made: Path, before: str, after: str) -> None:
    path = made / "rawtune.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_kind_that_feedback_displaces_is_not_counted_as_trained(tmp_path: Path, author: Author) -> None:
    made, heard = make(tmp_path, kinds=["why"]), Heard()
    assert augment(made)["kinds"] == {"why": 8}
    question = KINDS["zh"]["why"][0].format(name="蒙卦", image="山下泉水")
    with Project(made) as opened:
        opened.keep_feedback(Feedback("tuned", question, "为了山。", Verdict.BAD, "蒙卦劝人看山下泉水而知进退。"))
        opened.take_feedback()
    figures = augment(made, heard)
    assert figures["feedback"]["displaced_rows"] == figures["kinds_displaced"] == 1
    assert figures["kinds"] == {"why": 7}
    assert "1 of the 8 kept give way to feedback" in heard.lines


@BOTH
def test_kinds_are_made_of_trained_passages_and_refusals_asked_of_held_out_ones(
    tmp_path: Path, author: Author, language: str
) -> None:
    author.language = language
    made, heard = make(tmp_path, language, 0.25, kinds=["why", "reverse", "unanswerable"]), Heard()
    figures = augment(made, heard)
    assert figures["kinds"] == {"why": 6, "reverse": 6, "unanswerable": 6}
    assert (figures["refusal_rows"], figures["refused"], figures["train_rows"]) == (2, [], 6 * 4 + 18)
    assert (figures["questions_left_out"], figures["concept_rows"]) == (0, 10)
    assert "kinds: asked for 3 x 6 + 2 of held-out passages; kept 20, refused 0" in heard.lines
    rows = {row.template: row for row in trained(made) if row.template and row.template.startswith("kind:")}
    assert set(rows) == {"kind:why", "kind:reverse", "kind:unanswerable"}
    assert rows["kind:reverse"].answer in NAMES[language]
    assert rows["kind:reverse"].answer not in rows["kind:reverse"].question
    assert all((row.origin, row.suite) == (Origin.WRITTEN, None) for row in rows.values())
    with Project(made) as opened:
        parents = {row.id: row for row in opened._work.ledger.synthesised()}
        refusals = opened._work.ledger.suite(Suite.REFUSAL)
        for row in [*rows.values(), *refusals]:
            parent = parents[row.parent or ""]
            assert (row.passage_id, row.split, row.concept) == (parent.passage_id, parent.split, parent.concept)
        assert len(refusals) == 2
        opened.export()
        asked = [question for question in questions(opened._work) if question.suite is Suite.REFUSAL]
        assert {(q.text, q.reference) for q in asked} == {(row.question, row.answer) for row in refusals}
        manifest = json.loads(next((made / "datasets").glob("*.manifest.json")).read_text(encoding="utf-8"))
        assert (manifest["rows"], manifest["held_out_rows"]) == (42, 6 * 5 + 2 * 5 + 2)


@BOTH
def test_a_follow_up_stands_behind_the_question_and_answer_that_it_leans_on(
    tmp_path: Path, author: Author, language: str
) -> None:
    author.language = language
    made, heard = make(tmp_path, language, 0.25, kinds=["follow_up"]), Heard()
    figures = augment(made, heard)
    assert (figures["kinds"], figures["follow_up_rows"], figures["refused"]) == ({"follow_up": 6}, 2, [])
    assert "kinds: asked for 1 x 6 + 2 of held-out passages; kept 8, refused 0" in heard.lines
    with Project(made) as opened:
        ledger = opened._work.ledger
        parents = {row.id: row for row in ledger.synthesised()}
        assert all(
            parent.answer in request.messages[1].content
            for parent, request in zip(parents.values(), author.asked, strict=True)
        )
        rows = list(ledger.training_rows())
        follow_ups = [row for row in rows if row.history]
        asked = ledger.suite(Suite.FOLLOW_UP)
        assert (len(follow_ups), len(asked)) == (6, 2)
        first = {(row.parent, row.question) for row in [*rows, *ledger.suite(Suite.CONCEPT)] if not row.history}
        for row in (*follow_ups, *asked):
            ((question, answer),) = row.history
            assert answer == parents[row.parent or ""].answer
            assert (row.parent, question) in first
            assert row.concept not in row.question
        path = made / "datasets" / opened.export().name
        manifest = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
        assert (manifest["multi_turn_rows"], manifest["multi_turn_held_out_rows"]) == (6, 2)
        assert files.read(path, opened.config.columns) == [row.row for row in rows]
        put = [question for question in questions(opened._work) if question.suite is Suite.FOLLOW_UP]
        assert [(one.text, one.history) for one in put] == [(row.question, row.history) for row in asked]
        assert {row.fate.value for row in opened.import_rows(path).rows} == {"already here"}


def test_what_does_not_follow_up_is_left_out(tmp_path: Path, author: Author) -> None:
    def spoil(name: str, part: str, texts: dict[str, str]) -> object:
        worse = {
            "蒙卦": {"question": "蒙卦共有多少条？"},
            "乾卦": {"answer": "乾卦劝人看高天运行而知进退。"},
            "坤卦": {"answer": "一共是99条。"},
        }
        return {**texts, **worse.get(name, {})}

    author.spoil = spoil
    figures = augment(make(tmp_path, kinds=["follow_up"]))
    codes = {entry["concept"]: entry["code"] for entry in figures["refused"]}
    assert codes == {"蒙卦": "concept-named", "乾卦": "told-before", "坤卦": "RT201"}
    assert figures["kinds"] == {"follow_up": 5}


def test_a_made_row_is_verified_like_any_and_what_is_refused_is_told_and_listed(tmp_path: Path, author: Author) -> None:
    def spoil(name: str, part: str, texts: dict[str, str]) -> object:
        if part == "why" and name == "蒙卦":
            return {**texts, "answer": "因为它共有99条，看山下泉水而知进退。"}
        if part == "why" and name == "乾卦":
            return {**texts, "question": "乾卦共有88条，为何劝人看高天运行？"}
        if part == "why" and name == "坤卦":
            return {"question": "", "answer": ""}
        if part == "why" and name == "屯卦":
            return {**texts, "answer": "Because the sprout is growing in the field and everyone can see it grow."}
        return texts

    author.spoil = spoil
    made, heard = make(tmp_path, kinds=["why", "reverse"]), Heard()
    figures = augment(made, heard)
    assert figures["kinds"] == {"why": 4, "reverse": 8}
    codes = {entry["concept"]: entry["code"] for entry in figures["refused"]}
    assert (codes["蒙卦"], codes["乾卦"], codes["坤卦"]) == ("RT201", "RT201", "nothing-there")
    assert codes["屯卦"].startswith("RT3")
    assert "99" in next(entry["reason"] for entry in figures["refused"] if entry["concept"] == "蒙卦")
    assert figures["refused_by_code"] == dict(Counter(sorted(codes.values())))
    (line,) = [line for line in heard.lines if line.startswith("kinds:")]
    assert line.startswith("kinds: asked for 2 x 8; kept 12, refused 4: RT201 2, ")
    with Project(made) as opened:
        record = next(state.record for state in opened.status() if state.name == "augment")
        assert record
        assert record.summary["refused"] == figures["refused"]


def test_what_says_again_what_is_there_or_asked_is_left_out(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, kinds=["why"])
    augment(made)
    with Project(made) as opened:
        asked = next(row for row in opened._work.ledger.suite(Suite.PHRASING) if row.concept == "蒙卦").question
    template = next(row for row in trained(made) if row.concept == "乾卦" and row.template).question
    said = {"蒙卦": asked.rstrip("。？") + " ！", "乾卦": template}
    author.spoil = lambda name, part, texts: {**texts, "question": said.get(name, texts["question"])}
    change(made, "temperature: 0.3", "temperature: 0.4")
    figures = augment(made)
    codes = {entry["concept"]: entry["code"] for entry in figures["refused"]}
    assert codes == {"蒙卦": "held-out-question", "乾卦": "RT404"}
    assert figures["kinds"] == {"why": 6}


def test_an_answer_that_gives_a_held_out_one_away_is_left_out_and_the_dataset_can_be_exported(
    tmp_path: Path, author: Author
) -> None:
    made = make(tmp_path, held_out=0.25, kinds=["what"])
    KINDS["zh"]["what"] = ("{name}有什么？", "{name}讲的是{image}，共有{number}条。")
    with Project(made) as opened:
        opened.verify()
        held_out = next(row for row in opened._work.ledger.synthesised() if row.split.value == "held_out")
    author.spoil = lambda name, part, texts: {**texts, "answer": held_out.answer} if name == "蒙卦" else texts
    change(made, "ignore: []", "ignore: [RT2]")
    figures = augment(made)
    assert [(entry["concept"], entry["code"]) for entry in figures["refused"]] == [("蒙卦", "RT502")]
    with Project(made) as opened:
        opened.export()


def test_a_held_out_follow_up_whose_answer_is_trained_is_not_asked(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, held_out=0.25, kinds=["follow_up"])
    with Project(made) as opened:
        opened.verify()
        rows = opened._work.ledger.synthesised()
    trained = next(row for row in rows if row.split is Split.TRAIN)
    held_out = next(row for row in rows if row.split is Split.HELD_OUT)
    author.spoil = lambda name, part, texts: {**texts, "answer": trained.answer} if name == held_out.concept else texts
    change(made, "ignore: []", "ignore: [RT2]")
    figures = augment(made)
    assert [(entry["concept"], entry["code"]) for entry in figures["refused"]] == [(held_out.concept, "RT502")]
    assert (figures["kinds"], figures["follow_up_rows"]) == ({"follow_up": 6}, 1)
    with Project(made) as opened:
        opened.export()


@BOTH
def test_questions_share_out_the_wordings_and_are_as_many_as_before(
    tmp_path: Path, author: Author, language: str
) -> None:
    author.language = language
    made, heard = make(tmp_path, language, 0.25, answers=2), Heard()
    figures = augment(made, heard)
    assert (figures["wordings"], figures["train_rows"], figures["distinct_answers"]) == (6, 24, 12)
    assert "wordings: asked for 1 x 6; kept 6, refused 0" in heard.lines
    answers = Counter((row.concept, row.answer) for row in trained(made))
    assert set(answers.values()) == {2}
    with Project(made) as opened:
        own = {row.answer for row in opened._work.ledger.synthesised()}
        asked = {row.answer for suite in (Suite.PHRASING, Suite.CONCEPT) for row in opened._work.ledger.suite(suite)}
        assert asked == own  # the test holds on to the rows' own answers


@BOTH
@pytest.mark.parametrize(("variants", "kept"), [(1, 0), (2, 8)])
def test_no_more_wordings_are_asked_for_than_the_questions_use(
    tmp_path: Path, author: Author, language: str, variants: int, kept: int
) -> None:
    author.language = language
    made, heard = make(tmp_path, language, answers=3, variants=variants), Heard()
    figures = augment(made, heard)
    assert (figures["wordings"], figures["distinct_answers"], len(author.asked)) == (kept, 8 + kept, kept)
    said = f"wordings: asked for 2 x 8 at most = {kept}, as some have fewer questions; kept {kept}, refused 0"
    assert said in heard.lines
    with Project(made) as opened:
        own = {row.answer for row in opened._work.ledger.synthesised()}
    assert own <= {row.answer for row in trained(made)}


def test_a_wording_keeps_numbers_and_names_and_is_none_that_is_there(tmp_path: Path, author: Author) -> None:
    def spoil(name: str, part: str, texts: dict[str, str]) -> object:
        worse = {
            "蒙卦": "蒙卦讲的是山下泉水。",
            "乾卦": "它讲的是高天运行，共有14条。",
            "坤卦": "坤卦讲的是大地承载，共有15条 坤卦劝人看大地承载而知进退！",
        }
        return {"answer": worse.get(name, texts["answer"])}

    author.spoil = spoil
    figures = augment(make(tmp_path, answers=2))
    codes = {entry["concept"]: entry["code"] for entry in figures["refused"]}
    assert codes == {"蒙卦": "number-lost", "乾卦": "name-lost", "坤卦": "same-wording"}
    assert {entry["asked_for"] for entry in figures["refused"]} == {"wording"}
    assert (figures["wordings"], figures["train_rows"]) == (5, 32)


def test_replies_are_paid_once_and_another_number_of_variants_costs_nothing(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, kinds=["why", "unanswerable"], answers=2, personas=["新员工"])
    augment(made)
    calls = len(author.asked)
    assert calls == 8 * 3
    assert "新员工" in author.asked[0].messages[1].content
    with Project(made) as opened:
        assert opened.run("augment") == []
    change(made, "variants: 4", "variants: 3")
    assert augment(made)["train_rows"] == 8 * 3 + 16
    assert len(author.asked) == calls


def test_what_it_may_cost_is_asked_about_before(tmp_path: Path, author: Author) -> None:
    class No(Heard):
        def ask(self, question: str) -> bool:
            return False

    made = make(tmp_path, kinds=["why"])
    with Project(made, Heard()) as opened:
        opened.verify()
    change(made, "price: null", "price: {input: 1000000, output: 1000000}")
    with pytest.raises(GateFailed, match="may cost more"):
        augment(made, No())
    assert not author.asked
    change(made, "price: {input: 1000000, output: 1000000}", "price: {input: 1, output: 1}")
    augment(made, heard := Heard())
    assert any(line.startswith("8 questions to scripted:: at most about") for line in heard.lines)
    assert "the teacher is asked about 8 rows: why" in heard.lines
    change(made, "variants: 4", "variants: 3")
    augment(made, again := Heard())
    assert not any("at most" in line for line in again.lines)  # nothing is left to be paid


def test_calls_that_fail_stop_the_stage_and_only_they_are_asked_again(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, kinds=["why"])
    with Project(made, Heard()) as opened:
        opened.verify()
    author.fails = True
    with pytest.raises(RawtuneError, match=r"8 of 8 .* could not be asked about; most often: no"):
        augment(made)
    author.fails = False
    assert augment(made)["kinds"] == {"why": 8}


def test_nothing_that_can_be_used_stops_the_run(tmp_path: Path, author: Author) -> None:
    author.spoil = lambda *_: "?"
    with pytest.raises(GateFailed, match=r"nothing that the teacher made.*missing"):
        augment(make(tmp_path, kinds=["why"]))


@pytest.mark.parametrize("setting", [{"kinds": ["why"]}, {"answers": 2}], ids=["kinds", "answers"])
def test_a_teacher_that_only_picks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, Any]
) -> None:
    made = make(tmp_path, **setting)
    with Project(made, Heard()) as opened:
        opened.verify()

    def picking(settings: Any, columns: tuple[str, str]) -> Any:
        teacher = open_teacher(settings, columns)
        teacher.writes_freely = False
        return teacher

    monkeypatch.setattr("rawtune.stages.session.open_teacher", picking)
    with pytest.raises(UsageError, match=f"augmentation.{next(iter(setting))}: scripted: can only pick"):
        augment(made)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"personas": ["a customer"]}, "personas needs kinds"),
        ({"kinds": ["why", "why"]}, "twice"),
        ({"kinds": ["when"]}, "what"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said), Project(make(tmp_path, **setting)):
        pass


def test_the_form_of_reply_that_the_endpoint_holds_to_is_kept(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, kinds=["why"])
    with Project(made, Heard()) as opened:
        opened.verify()
    rows = author.teacher

    def strict(columns: tuple[str, str]) -> Scripted:
        teacher = rows(columns)
        teacher.forms = (ReplyForm.JSON_SCHEMA,)
        return teacher

    author.teacher = strict  # type: ignore[method-assign]
    augment(made)
    assert all(request.schema and request.schema["required"] == ["why"] for request in author.asked)


def test_an_exported_row_of_the_teachers_making_is_known_when_it_comes_back(tmp_path: Path, author: Author) -> None:
    made = make(tmp_path, kinds=["why"], answers=2)
    with Project(made, Heard()) as opened:
        opened.export()
        path = next(path for path in (made / "datasets").glob("*.csv") if "held_out" not in path.name)
        imported = opened.import_rows(path)
        assert {row.fate.value for row in imported.rows} == {"already here"}
        text = path.read_text(encoding="utf-8-sig")
        changed = tmp_path / "changed.csv"
        answer = "为了从山下泉水而知进退。"
        assert answer in text
        changed.write_text(text.replace(answer, "为了山下泉水。"), encoding="utf-8")
        imported = opened.import_rows(changed)
        assert Counter(row.fate.value for row in imported.rows) == {"already here": 39, "taken": 1}
        opened.augment()
        rows = {row.answer: row.template for row in opened._work.ledger.dataset_rows()}
        assert (rows["为了山下泉水。"], answer in rows) == ("feedback", False)
        imported = opened.import_rows(path)
        assert Counter(row.fate.value for row in imported.rows) == {"already here": 39, "superseded": 1}

"""Base and others, asked through a whole project, with a tiny student and adapters that need no training."""

import json
from pathlib import Path

import pytest
from tests.end_to_end.harness import Endpoint, completion, configure
from tests.stages.compared import make_adapter, make_book, watched
from tests.tiny_model import make_tiny_model

from rawtune.comparison.arms import BASE, line_up
from rawtune.errors import GateFailed, IsolationError, ModelUnavailable, RawtuneError, UsageError
from rawtune.project import Project
from rawtune.records import Suite
from rawtune.stages import compare
from rawtune.stages.arms import ask
from rawtune.stages.money import confirm_questions
from rawtune.stages.questions import Question
from rawtune.training import models


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("student") / "tiny")


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory, student: Path) -> list[Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return [make_adapter(folder / name / "lora", student, seed) for seed, name in enumerate(("first", "v2.5"))]


@pytest.fixture
def book(tmp_path: Path, student: Path) -> Path:
    return make_book(tmp_path, student)


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    endpoint.answer = lambda request: (200, completion("山下有泉。"))
    yield endpoint
    endpoint.close()


def read(page: Path) -> dict:
    return json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))


def answers_of(report: dict, arm: str) -> list[str]:
    return [answer["text"] for answer in report["answers"] if answer["model"] == arm]


def test_any_number_of_arms_beside_the_stage(book, adapters, monkeypatch):
    with Project(book) as opened, watched(monkeypatch) as groups:
        page = opened.compare(adapters, retrieval=True, endpoints=["scripted:"])
        state = opened.status()[-1]
    report = read(page)
    assert [(arm["name"], arm["kind"]) for arm in report["arms"]] == [
        ("base", "base"),
        ("first/lora", "adapter"),
        ("v2.5/lora", "adapter"),
        ("base+passage", "retrieval"),
        ("scripted:", "endpoint"),
    ]
    assert report["primary"] == "first/lora"
    assert report["arms"][0]["difference"] == {}
    for arm in report["arms"]:
        assert {suite: scores["chrf"]["n"] for suite, scores in arm["scores"].items()} == {
            "phrasing": 15,
            "concept": 5,
            "seen": 3,
        }
    assert len(report["answers"]) == 5 * 23
    assert [len(case["answers"]) for case in report["outside"]] == [5, 5, 5]
    # A report of its own: the stage has not run.
    assert page.name.startswith("book-arms-")
    assert not (book / "reports" / "report.json").exists()
    assert state.record is None
    assert "--retrieval --endpoint=scripted:" in report["how_to_reproduce"][0]
    # One base under all: the adapters off for base, one on for each adapter, and the same token ids for all.
    turns = {active: [prompt for who, prompts in groups if who == active for prompt in prompts] for active, _ in groups}
    assert list(turns) == [None, "default", "adapter2"]
    assert set(turns["default"]) == set(turns["adapter2"]) < set(turns[None])
    # Retrieval is base, behind the very passage; from outside the domain there is none, so nothing is asked twice.
    behind = [prompt for prompt in turns[None] if "请根据下面的文字回答问题" in prompt]
    assert len(behind) == 23
    passages = (book / "raw" / "hexagrams.txt").read_text(encoding="utf-8").split("\n\n")
    assert all(any(passage.strip() in prompt for passage in passages) for prompt in behind)
    assert len(turns[None]) == 23 + 3 + 23
    # Base was held to itself once after loading and once after each group.
    assert report["isolation"]["checks"] == 1 + len(groups) + 3, "and after each of three arms' choices"
    assert report["isolation"]["prompts"] == 4
    assert report["isolation"]["logits"] > 4 * 384


def test_an_adapter_answers_the_same_beside_others_as_alone(book, adapters, tmp_path, student):
    with Project(book) as opened:
        together = read(opened.compare(adapters))
    (tmp_path / "again").mkdir()
    with Project(make_book(tmp_path / "again", student)) as opened:
        alone = read(opened.compare(adapters[1:]))
    assert answers_of(together, "v2.5/lora") == answers_of(alone, "lora")
    assert answers_of(together, "base") == answers_of(alone, "base")
    assert len({tuple(answers_of(together, arm["name"])) for arm in together["arms"]}) == 3


def test_an_adapter_with_another_scale_is_another_adapter(book, student, tmp_path, monkeypatch):
    copy = make_adapter(tmp_path / "one", student, 0)
    with Project(book) as opened:
        opened.compare([copy])
        path = copy / "adapter_config.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps({**settings, "base_model_name_or_path": f"/moved/{student.name}"}))
        with watched(monkeypatch) as groups:
            opened.compare([copy])
        assert groups == [], "only the base's folder was moved"
        path.write_text(json.dumps({**settings, "lora_alpha": 8 * settings["lora_alpha"]}))
        with watched(monkeypatch) as groups:
            opened.compare([copy])
    assert {active for active, _ in groups} == {"default"}


def test_other_findings_of_the_rules_make_the_report_old(book):
    with Project(book) as opened:
        opened.verify()
        work = opened._work
        before = compare.inputs(work)
        record = work.ledger.stage("verify")
        work.ledger.save_stage("verify", record._replace(summary={**record.summary, "warned": 99}))
        after = compare.inputs(work)
    assert {name for name in before if before[name] != after[name]} == {"what the rules found"}


def test_the_stage_takes_its_arms_from_the_settings_and_the_last_trained_leads(tmp_path, student, adapters):
    book = make_book(tmp_path, student, retrieval=True, endpoints=["scripted:"], seen=2)
    with Project(book) as opened:
        page = opened.compare()
        report, trained = read(page), opened.train()
        assert page == book / "reports" / "report.html"
        assert all(state.current for state in opened.status())
    assert [arm["kind"] for arm in report["arms"]] == ["base", "adapter", "retrieval", "endpoint"]
    assert report["arms"][1]["scores"]["seen"]["chrf"]["n"] == 2
    assert report["arms"][1]["source"] == f"models/{trained.name}"
    assert report["training"]["steps"] == len(report["training"]["losses"]) > 0

    configure(book, {"  retrieval": "false", "  endpoints": "[]"})
    with Project(book) as opened:
        assert opened.status()[-1].reasons == ("settings under 'comparison' changed",)
        beside = read(opened.compare([*adapters, trained]))
    assert [arm["name"] for arm in beside["arms"]] == ["base", trained.name, "first/lora", "v2.5/lora"]
    assert beside["primary"] == trained.name
    assert read(page) == report, "the stage's report stays"


def test_harm_general_knowledge_and_the_passages_are_looked_at(book, adapters, monkeypatch):
    from rawtune.comparison import likelihood

    with Project(book) as opened:
        report = read(page := opened.compare(adapters[:1]))
        monkeypatch.setattr(likelihood, "choose", lambda *_: pytest.fail("asked again"))
        again = read(opened.compare(adapters[:1]))
    base, tuned = report["arms"]
    assert base["harm"] == []
    assert [sign["name"] for sign in tuned["harm"]][2] == "forgetting"
    assert tuned["harm"][2]["n"] == tuned["general"]["n"] == 4
    assert sum(tuned["general"]["cells"].values()) == 4
    assert again["arms"] == report["arms"]
    for suite, measured in tuned["scores"].items():
        assert set(measured) == {"chrf", "identified", "stated", "grounded", "rouge_l", "exact"}, suite
        assert measured["grounded"]["estimate"] <= 0.2, "random weights say little that a passage bears out"
    assert report["cost"]["calls"] == 4, "one passage, one call"
    assert report["diversity"][0]["variants"] == 1
    assert page.with_suffix(".md").read_text(encoding="utf-8").startswith("## ")


def test_an_interruption_loses_one_group(book, adapters, monkeypatch):
    with Project(book) as opened, watched(monkeypatch, stop_after=2) as groups, pytest.raises(KeyboardInterrupt):
        opened.compare(adapters)
    asked = sum(len(prompts) for _, prompts in groups)
    assert asked == 26
    with Project(book) as opened, watched(monkeypatch) as groups:
        opened.compare(adapters)
    assert sum(len(prompts) for _, prompts in groups) == 3 * 26 - asked
    with Project(book) as opened, watched(monkeypatch) as groups:
        opened.compare(adapters)
    assert groups == []


def test_base_changed_by_an_adapter_stops_all_and_stores_nothing(book, adapters, monkeypatch):
    wrapped = models.with_adapter

    def merging(base, folder):
        return wrapped(wrapped(base, folder).merge_and_unload(), folder)

    monkeypatch.setattr(models, "with_adapter", merging)
    with Project(book) as opened, watched(monkeypatch) as groups:
        with pytest.raises(IsolationError, match="base is no longer itself"):
            opened.compare(adapters[:1])
        assert opened._work.ledger.answers() == {}
    assert groups == []
    assert not (book / "reports").exists()


def test_base_changed_on_the_way_does_not_get_its_answers_stored(book, adapters, monkeypatch):
    from rawtune.comparison import answers

    answer = answers.answer

    def spoiling(model, *rest):
        said = answer(model, *rest)
        next(weight for name, weight in model.named_parameters() if "base_layer" in name).data.add_(1.0)
        return said

    monkeypatch.setattr(answers, "answer", spoiling)
    with Project(book) as opened:
        with pytest.raises(IsolationError):
            opened.compare(adapters[:1])
        assert opened._work.ledger.answers() == {}


def test_an_adapter_of_another_student_is_refused(book, tmp_path, student):
    foreign = make_adapter(tmp_path / "foreign", student, 0, named="THUDM/chatglm3-6b")
    with (
        Project(book) as opened,
        pytest.raises(UsageError, match="an adapter of THUDM/chatglm3-6b, and this project's"),
    ):
        opened.compare([foreign])
    moved = make_adapter(tmp_path / "moved", student, 0, named=f"/elsewhere/{student.name}")
    with Project(book) as opened:
        assert opened.compare([moved]).exists()


def test_a_folder_without_an_adapter_is_refused(book, tmp_path, student):
    with Project(book) as opened, pytest.raises(ModelUnavailable, match="no adapter in"):
        opened.compare([tmp_path])
    half = make_adapter(tmp_path / "half", student, 0)
    (half / "adapter_model.safetensors").unlink()
    with Project(book) as opened, pytest.raises(ModelUnavailable, match=r"no adapter_model\.safetensors"):
        opened.compare([half])


def test_an_adapter_that_does_not_fit_is_named(book, adapters, tmp_path):
    other = make_tiny_model(tmp_path / "tiny", hidden=32)
    unfit = make_adapter(tmp_path / "unfit", other, 0)
    with Project(book) as opened, pytest.raises(ModelUnavailable, match="unfit: cannot be loaded"):
        opened.compare([*adapters, unfit])


def test_an_endpoint_gets_the_questions_once_and_no_passage(book, adapters, endpoint):
    configure(book, {"  model": "openai:local", "  base_url": endpoint.url})
    endpoint.answer = lambda request: (
        200,
        completion('content:"蒙卦"\nsummary:"山下有泉，君子以果行育德，教人求师。"'),
    )
    configure(book, {"  reply_format": "text", "  max_quarantined": "1", "  select": '["RT101"]'})
    with Project(book) as opened:
        opened.export()
        endpoint.asked.clear()
        endpoint.answer = lambda request: (200, completion("山下有泉。"))
        report = read(opened.compare(adapters, endpoints=["openai:other"]))
        asked = list(endpoint.asked)
        opened.compare(adapters, endpoints=["openai:other"])
    assert len(endpoint.asked) == len(asked), "paid once"
    questions = {answer["question"] for answer in report["answers"]} | {c["question"] for c in report["outside"]}
    assert {request["messages"][0]["content"] for request in asked} == questions
    assert {(request["model"], request["temperature"], len(request["messages"])) for request in asked} == {
        ("other", 0, 1)
    }
    assert set(answers_of(report, "openai:other")) == {"山下有泉。"}


def test_questions_that_an_endpoint_refuses_are_counted_and_asked_again(book, endpoint):
    configure(book, {"  model": "openai:local", "  base_url": endpoint.url})
    arms = line_up([], endpoints=["openai:other"])[1:]
    asked = [Question(Suite.OUTSIDE, "甲？"), Question(Suite.OUTSIDE, "乙？")]
    refusal = 400, {"error": {"message": "no"}}
    endpoint.answer = lambda request: refusal if "甲" in str(request["messages"]) else (200, completion("好。"))
    with Project(book) as opened:
        with pytest.raises(RawtuneError, match="1 of 2 questions were not answered by openai:other"):
            ask(opened._work, arms, asked, {})
        before = len(endpoint.asked)
        endpoint.answer = lambda request: (200, completion("也好。"))
        given = ask(opened._work, arms, asked, {}).answers
    assert [answer.text for answer in given] == ["也好。", "好。"]
    assert len(endpoint.asked) == before + 1


def test_an_adapter_of_another_dataset_is_told_of(book, adapters, tmp_path, student):
    with Project(book) as opened:
        trained = opened.train()
        alone, beside = read(opened.compare([trained])), read(opened.compare([trained, *adapters]))
        (book / "raw" / "more.txt").write_text("乾卦\n乾卦由六个阳爻组成，象征天与刚健。", encoding="utf-8")
        old = read(opened.compare([trained]))
    told = "不是用现在的数据集训练的"
    assert not any(told in warning for warning in alone["warnings"])
    assert [warning.partition("：")[2][:20] for warning in beside["warnings"] if told in warning] == [
        "first/lora, v2.5/lora"[:20]
    ]
    assert any(told in warning and trained.name in warning for warning in old["warnings"])


def test_a_judge_is_asked_once_and_reported(book, adapters, endpoint):
    configure(book, {"  model": "openai:local", "  base_url": endpoint.url, "  reply_format": "text"})
    configure(book, {"  max_quarantined": "1", "  select": '["RT101"]'})
    row = 'content:"蒙卦"\nsummary:"山下有泉，君子以果行育德，教人求师。"'
    endpoint.answer = lambda request: (200, completion(row))
    path = book / "rawtune.yaml"
    before, _, rest = path.read_text(encoding="utf-8").rpartition("  judge: null")
    path.write_text(f"{before}  judge: openai:judge{rest}", encoding="utf-8")
    told = []

    def answer(request):
        told.append(request["messages"])
        return 200, completion('{"reason": "……", "verdict": "A"}' if len(told) > 2 else "我不知道")

    with Project(book) as opened:
        opened.export()
        endpoint.answer = answer
        report = read(opened.compare(adapters[:1]))
        calls = len(told)
        again = read(opened.compare(adapters[:1]))
    assert report["judge"] == "openai:judge"
    assert len(told) == calls, "paid once"
    base, tuned = report["arms"]
    assert base["preferred"] == {}
    assert tuned["preferred"] == again["arms"][1]["preferred"]
    assert {suite: sum(found[kind] for kind in ("won", "tie", "split", "lost", "unreadable")) for suite, found in
            tuned["preferred"].items()} == {"phrasing": 15, "concept": 5}  # fmt: skip
    found = tuned["preferred"]["phrasing"]
    assert (found["won"], found["lost"]) == (0, 0), "the first answer each time is no preference"
    assert found["split"] > 0
    assert sum(found["unreadable"] for found in tuned["preferred"].values()) == 2
    assert any("无法解读" in warning for warning in report["warnings"])
    asked = str(told)
    assert "base" not in asked
    assert "first/lora" not in asked


def test_a_judge_that_only_picks_is_refused_before_any_work(book):
    path = book / "rawtune.yaml"
    before, _, rest = path.read_text(encoding="utf-8").rpartition("  judge: null")
    path.write_text(f"{before}  judge: embedded:smollm2{rest}", encoding="utf-8")
    with Project(book) as opened:
        with pytest.raises(UsageError, match=r"comparison\.judge: embedded:smollm2 can only pick"):
            opened.compare(endpoints=["scripted:"])
        assert [state.record for state in opened.status()] == [None] * 7


def test_the_same_words_follow_up_on_each_history(book, endpoint):
    configure(book, {"  model": "openai:local", "  base_url": endpoint.url})
    arms = line_up([], endpoints=["openai:other"])[1:]
    histories = [(("甲？", "天。"),), (("乙？", "地。"),), ()]
    asked = [Question(Suite.OUTSIDE, "然后呢？", history=history) for history in histories]
    endpoint.answer = lambda request: (200, completion("".join(m["content"] for m in request["messages"])))
    with Project(book) as opened:
        given = ask(opened._work, arms, asked, {}).answers
    assert [answer.text for answer in given] == ["甲？天。然后呢？", "乙？地。然后呢？", "然后呢？"]
    assert [answer.history for answer in given] == histories


def test_what_cannot_be_compared_is_refused_before_any_work(book, tmp_path):
    with Project(book) as opened:
        with pytest.raises(UsageError, match="found 'gpt-4o'"):
            opened.compare(endpoints=["gpt-4o"])
        with pytest.raises(ModelUnavailable):
            opened.compare([tmp_path])
        assert [state.record for state in opened.status()] == [None] * 7


def test_a_model_that_only_picks_is_no_arm(book, adapters):
    with Project(book) as opened, pytest.raises(UsageError, match="can only pick sentences"):
        opened.compare(adapters, endpoints=["embedded:smollm2"])


def test_a_question_that_leaves_no_room_for_an_answer_is_refused(book):
    asked = [Question(Suite.OUTSIDE, "甲？"), Question(Suite.OUTSIDE, "长" * 2000)]
    with Project(book) as opened, pytest.raises(UsageError, match=r"'长{60}[^']*' takes .* reads 1024"):
        ask(opened._work, [BASE], asked, {})


def test_costly_questions_are_asked_about(book):
    with Project(book) as opened:
        teacher = opened.config.teacher.model_copy(update={"model": "openai:gpt-4o"})
        confirm_questions(opened._work, ["坤卦代表什么？"], 256, teacher)
        with pytest.raises(GateFailed, match="may cost more than 5 USD"):
            confirm_questions(opened._work, ["坤卦代表什么？"] * 10_000, 256, teacher)

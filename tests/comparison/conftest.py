from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rawtune.comparison.arms import BASE, RETRIEVAL, Arm, Kind
from rawtune.comparison.report import Counts, Evidence
from rawtune.records import Answer, Suite

FACTS = {
    "en": {
        "Meng": "Meng is a spring at the foot of a mountain; youth seeks a teacher.",
        "Xu": "Xu is water above heaven; one waits, eats and drinks with confidence.",
        "Song": "Song is heaven moving away from water; a quarrel is best left unfinished.",
        "Shi": "Shi is water stored within the earth; an army follows a seasoned leader.",
        "Bi": "Bi is water lying upon the earth; people gather around one centre.",
        "Tai": "Tai is earth above heaven; the small departs and the great approaches.",
        "Pi": "Pi is heaven above earth; nothing meets and nothing grows.",
        "Yu": "Yu is thunder bursting from the earth; music stirs joyful readiness.",
    },
    "zh": {
        "蒙": "蒙卦是山下出泉，童蒙求教于师。",
        "需": "需卦是云上于天，君子饮食宴乐，安心等待。",
        "讼": "讼卦是天与水违行，争讼不可到底。",
        "师": "师卦是地中有水，众人随老成之将出征。",
        "比": "比卦是地上有水，众人亲近一个中心。",
        "泰": "泰卦是天地相交，小往大来，万物通达。",
        "否": "否卦是天地不交，上下隔绝，万物不生。",
        "豫": "豫卦是雷出地奋，作乐崇德，人心喜悦。",
    },
}
TUNED = Arm("tuned-epoch3", Kind.ADAPTER, "models/tuned-epoch3")
FORMS = {"en": ("What does {} stand for?", "Explain {}."), "zh": ("{}卦代表什么？", "请解释{}卦。")}


def make(language="en", tuned=lambda fact, form: fact if form else fact[: len(fact) // 2]):
    """Seven passages in new phrasings, one never trained on, one question from outside the domain."""
    answers = []
    for index, (concept, fact) in enumerate(FACTS[language].items()):
        suite = Suite.CONCEPT if index == 7 else Suite.PHRASING
        for form, question in enumerate(FORMS[language]):
            asked = question.format(concept)
            answers.append(Answer("base", suite, f"p{index}", asked, fact, f"As a model I like {concept}.", concept))
            answers.append(Answer("tuned-epoch3", suite, f"p{index}", asked, fact, tuned(fact, form), concept))
    for model in ("base", "tuned-epoch3"):
        answers.append(Answer(model, Suite.OUTSIDE, "", "What is the capital of France?", "", f"Paris, says {model}."))
    return Evidence(
        name="zhouyi",
        language=language,
        created=datetime(2026, 11, 22, 12, 15, tzinfo=UTC),
        student="embedded:smollm2",
        teacher="openai:gpt-4o-mini",
        dataset="datasets/zhouyi.csv",
        arms=(BASE, TUNED),
        primary=TUNED.name,
        answers=answers,
        isolation={"prompts": 4, "logits": 4096, "checks": 3},
        passages={f"p{index}": f"Raw: {fact}" for index, fact in enumerate(FACTS[language].values())},
        counts=Counts(
            passages=10,
            kept=8,
            quarantined=1,
            failed=1,
            written=0,
            picked=6,
            extracted=2,
            edited=0,
            warned=1,
            rules={"RT204": 1, "RT401": 2},
            train_rows=140,
            held_out_rows=16,
            distinct_answers=7,
        ),
        losses=[4.0, 2.5, 0.5, 0.7],
        epochs=3,
        settings={"rank": 16, "quantise": "none"},
        seconds={"read": 0.1, "train": 12.25},
        peak_rss_mb=1234.5,
        versions={"rawtune": "0.1.0"},
        how_to_reproduce=["rawtune init zhouyi --example zhouyi-en", "rawtune run"],
    )


def with_arms(evidence, *arms):
    """The same evidence with more arms, the first of which says half of the reference, the others ever less."""
    base = [answer for answer in evidence.answers if answer.model == "base"]
    more = [
        replace(answer, model=arm.name, text=answer.reference[: len(answer.reference) // part])
        for part, arm in enumerate(arms, 2)
        for answer in base
    ]
    return replace(evidence, arms=(*evidence.arms, *arms), answers=[*evidence.answers, *more])


@pytest.fixture
def four(evidence):
    """Base, the tuned model, base with the passage, and a model behind an endpoint."""
    return with_arms(evidence, RETRIEVAL, Arm("openai:other", Kind.ENDPOINT, "openai:other"))


@pytest.fixture
def six(four):
    """And two more adapters."""
    return with_arms(four, Arm("a/lora", Kind.ADAPTER, "a/lora"), Arm("b/lora-epoch3-20261122_203011", Kind.ADAPTER))


@pytest.fixture(params=["en", "zh"])
def evidence(request):
    return make(request.param)


@pytest.fixture
def variant():
    """Make evidence with other answers of the tuned model, or other fields."""
    return lambda tuned=None, **fields: replace(make("en", tuned) if tuned else make("en"), **fields)

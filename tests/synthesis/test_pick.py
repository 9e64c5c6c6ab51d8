import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages.sentences import spans
from rawtune.records import Finding, Origin, Parameters, Passage, Reply, State
from rawtune.synthesis.pick import frequent_phrases, opening, pick


def of(text):
    return Passage("p1", "raw/a.txt", "0" * 64, 0, len(text), text)


def start(passage, prompt, check=lambda *_: []):
    sentences = [passage.text[a:b] for a, b in spans(passage.text)]
    parameters = Parameters(temperature=0.9, max_tokens=50, seed=7)
    return pick(passage, sentences, prompt, teacher="embedded:m", model="m", parameters=parameters, check=check)


def options(request):
    """What the schema allows: the openings of sentences or phrases."""
    return request.schema["properties"]["choice"]["enum"]


def choosing(position):
    """A teacher that takes the option at this position."""
    return lambda request: Reply(json.dumps({"choice": options(request)[position]}, ensure_ascii=False))


def test_the_heading_is_the_concept_and_each_aspect_is_asked_in_order(passage, prompt, drive):
    outcome, requests = drive(start(passage, prompt), choosing(0))
    heading = passage.text.split("\n")[0]
    assert outcome.state is State.KEPT
    assert (outcome.example.concept, outcome.example.question) == (heading, heading)
    assert (outcome.example.origin, outcome.example.teacher) == (Origin.PICKED, "embedded:m")
    assert outcome.example.prompt_hash == prompt.hash
    aspects = [aspect.format(concept=heading) for aspect in prompt.texts["pick"]["aspects"]]
    assert len(requests) == len(aspects) == 3
    for request, aspect in zip(requests, aspects, strict=True):
        system, user = request.messages
        assert (system.role, system.content, user.role) == ("system", prompt.texts["pick"]["system"], "user")
        assert user.content.startswith(passage.text)
        assert aspect in user.content.splitlines()[-1]
    assert outcome.replies == tuple(request.key for request in requests)


def test_requests_hold_the_teacher_to_the_sentences_left(passage, prompt, drive):
    _, requests = drive(start(passage, prompt), choosing(0))
    left = [passage.text[a:b] for a, b in spans(passage.text)][1:]
    for request in requests:
        assert options(request) == [opening(sentence, left) for sentence in left]
        left = left[1:]  # the first was chosen
    assert all(request.schema["required"] == ["choice"] for request in requests)
    assert all(request.schema["additionalProperties"] is False for request in requests)
    assert all(request.parameters == Parameters(temperature=0.0, max_tokens=50, seed=7) for request in requests)


def test_the_answer_is_the_picks_in_reading_order(language, passage, prompt, drive):
    outcome, _ = drive(start(passage, prompt), choosing(-1))
    body = passage.text.split("\n")[1]
    assert outcome.example.answer == body
    assert (" " in outcome.example.answer) == (language == "en")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "{}",
        '"x"',
        "[]",
        '{"choice": 3}',
        '{"choice": ["a"]}',
        '{"choice": "another sentence."}',
        "[" * 100_000,
    ],
)
def test_without_a_valid_pick_the_opening_is_taken_and_marked_as_extracted(text, language, prompt, drive):
    sentences = [
        f"第{n}句话讲的是水。" if language == "zh" else f"Sentence number {n} is about water." for n in range(1, 6)
    ]
    passage = of("\n".join(["Water", *sentences]))
    outcome, requests = drive(start(passage, prompt), lambda _: Reply(text))
    assert len(requests) == 3
    assert outcome.example.origin is Origin.EXTRACTED
    assert outcome.example.answer == ("" if language == "zh" else " ").join(sentences[:3])


def test_one_valid_pick_is_enough_to_be_the_teachers(passage, prompt, drive):
    replies = iter(["nonsense", None, "nonsense"])
    choose = choosing(1)
    outcome, _ = drive(
        start(passage, prompt), lambda request: Reply(text) if (text := next(replies)) else choose(request)
    )
    assert outcome.example.origin is Origin.PICKED
    assert outcome.example.answer == [passage.text[a:b] for a, b in spans(passage.text)][2]


def test_without_a_heading_the_teacher_picks_the_concept(language, prompt, drive):
    text = (
        "蒙卦的上面是山。蒙卦的下面是泉水。人们说蒙卦象征启蒙。"
        if language == "zh"
        else "The mountain is above in Meng. The spring is below in Meng. People say that Meng stands for youth."
    )
    concept = "蒙卦" if language == "zh" else "Meng"
    outcome, requests = drive(start(of(text), prompt), choosing(0))
    assert prompt.texts["pick"]["concept"] in requests[0].messages[-1].content
    assert options(requests[0]) == [opening(phrase, frequent_phrases(text)) for phrase in frequent_phrases(text)]
    assert outcome.example.concept == concept
    assert len(requests) == 4
    assert outcome.example.answer == text


def test_a_concept_that_was_not_picked_is_the_most_frequent_phrase(prompt, drive):
    text = "Near the river lives the Heron. Often the Heron stands still. At dusk the Heron eats."
    replies = iter(["nonsense"])
    outcome, requests = drive(start(of(text), prompt), lambda request: Reply(next(replies, "")))
    assert outcome.example.concept == options(requests[0])[0] == "Heron"


def test_chinese_phrases_are_whole_nouns():
    text = "夜间模式的噪音有多大？夜间模式下噪音不超过二十五分贝，指示灯会自动熄灭。阿司匹林肠溶片用于降低发病风险。"
    phrases = frequent_phrases(text)
    assert phrases[:2] == ["模式", "噪音"], "the most frequent ones come first"
    assert {"分贝", "指示灯", "阿司匹林肠溶片"} <= set(phrases)


@pytest.mark.parametrize("text", ["只有一句话的段落也要变成一行。", "A passage of one single sentence becomes a row."])
def test_a_passage_of_one_sentence(text, prompt, drive):
    outcome, requests = drive(start(of(text), prompt), choosing(0))
    assert outcome.example.answer == text
    assert len(requests) == 2  # the concept, and the one sentence once


@pytest.mark.parametrize("heading", ["## 蒙卦 ##", "【蒙卦】", "**蒙卦**"])
def test_marks_around_a_heading_are_not_part_of_the_concept(heading, prompt, drive):
    outcome, _ = drive(start(of(f"{heading}\n山下出泉而未知所往。"), prompt), choosing(0))
    assert outcome.example.concept == "蒙卦"


def test_a_first_sentence_is_no_heading(prompt, drive):
    _, requests = drive(start(of("山下出泉。\n初次占问会得到回答。"), prompt), choosing(0))
    assert prompt.texts["pick"]["concept"] in requests[0].messages[-1].content


def test_fragments_and_labels_are_not_offered(prompt, drive):
    text = "Meng\nSee also:\nYes.\nA spring comes out below the mountain.\nno full stop at the end of this line"
    _, requests = drive(start(of(text), prompt), choosing(0))
    assert options(requests[0]) == ["A"]


def test_a_question_is_no_answer(prompt, drive):
    _, requests = drive(start(of("电池能用多久呢？\n电池充满一次能用十二个小时。"), prompt), choosing(0))
    assert options(requests[-1]) == ["电"]


def test_a_sentence_that_stands_twice_is_offered_and_answers_once(prompt, drive):
    text = "蒙卦\n山下出泉而未知所往。再三追问便是不敬。山下出泉而未知所往。"
    outcome, requests = drive(start(of(text), prompt), choosing(0))
    assert outcome.example.answer.count("山下出泉") == 1
    assert len(requests) == 2
    assert options(requests[0]) == ["山", "再"]


def test_braces_in_the_passage_are_no_placeholders(prompt, drive):
    outcome, requests = drive(
        start(of("The {concept} of {0}\nA brace such as { opens a block of code."), prompt), choosing(0)
    )
    assert outcome.example.concept == "The {concept} of {0}"
    assert "The {concept} of {0}" in requests[0].messages[-1].content


def test_what_the_rules_find_quarantines(passage, prompt, drive):
    finding = Finding("RT106", "not closed")
    outcome, requests = drive(start(passage, prompt, lambda *_: [finding]), choosing(0))
    assert (outcome.state, outcome.example, outcome.findings, outcome.reason) == (
        State.QUARANTINED,
        None,
        (finding,),
        "not closed",
    )
    assert outcome.replies == tuple(request.key for request in requests)


@given(
    st.text(min_size=1).filter(str.strip) | st.text(st.sampled_from("ab AB。.\n蒙卦泉"), min_size=1).filter(str.strip)
)
def test_there_are_always_phrases_to_pick_from(text):
    phrases = frequent_phrases(text)
    assert 1 <= len(phrases) <= 8
    assert all(phrase.strip() for phrase in phrases)
    assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize("sentence", ["3月15日起按新规定缴税。", "AI技术正在改变世界。", "第2条说明了退货的办法。"])
def test_a_chinese_sentence_with_digits_or_latin_letters_is_offered(sentence, prompt, drive):
    outcome, requests = drive(start(of(f"说明\n{sentence}\n山下出泉而未知所往。"), prompt), choosing(0))
    assert len(requests) == 2
    assert outcome.example.answer.startswith(sentence)


def test_openings_are_as_short_as_tells_them_apart():
    sentences = ["Meng is youth.", "Meng is a spring.", "Ask once."]
    assert [opening(s, sentences) for s in sentences] == ["Meng is youth.", "Meng is a", "Ask"]
    sentences = ["蒙卦象征启蒙。", "蒙卦讲求学。", "蒙卦讲求学习。", "问。"]
    assert [opening(s, sentences) for s in sentences] == ["蒙卦象", "蒙卦讲求学。", "蒙卦讲求学习", "问"]
    assert opening("蒙卦", ["蒙卦", "蒙卦象征"]) == "蒙卦"


texts = st.text(st.sampled_from("ab AB.蒙卦泉。 "), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.lists(texts, min_size=1, max_size=6, unique=True))
def test_every_option_has_an_opening_of_its_own(options):
    openings = [opening(option, options) for option in options]
    assert len(set(openings)) == len(options)
    assert all(option.startswith(start) and start for option, start in zip(options, openings, strict=True))

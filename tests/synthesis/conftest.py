import pytest

from rawtune.config import Config
from rawtune.records import Passage
from rawtune.synthesis import prompt as prompts

TEXTS = {
    "en": "Meng (Youth)\nA spring comes out below a mountain. It does not know its way. Ask once, and mean it.",
    "zh": "蒙卦\n山下出泉而未知所往。初次占问就会得到回答。再三追问便是不敬。",
}


@pytest.fixture(params=["en", "zh"])
def language(request):
    return request.param


@pytest.fixture
def prompt(language):
    return prompts.build(Config.model_validate({"name": "test", "language": language}))


@pytest.fixture
def passage(language):
    text = TEXTS[language]
    return Passage("p1", "raw/a.txt", "0" * 64, 0, len(text), text)


@pytest.fixture
def drive():
    """Run a conversation to its end: each request goes to ``answer``, whose reply goes back. Outcome and requests."""

    def run(conversation, answer):
        requests, reply = [], None
        while True:
            try:
                request = conversation.send(reply)
            except StopIteration as end:
                return end.value, requests
            requests.append(request)
            reply = answer(request)

    return run

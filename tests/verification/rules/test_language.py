import pytest

from rawtune.config import Verification
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected

CHECKER = Checker(Verification(select=("RT3",)))


def codes(question, answer, language=""):
    return [finding.code for finding in CHECKER.check(Row(question, answer, language=language))]


ENGLISH = "Meng is a spring at the foot of a mountain, and it is the image of the young."
CHINESE = "蒙卦象征启蒙，山下出泉，君子应当以果断的行动培育品德。"


@pytest.mark.parametrize(
    ("question", "answer", "language"),
    [
        ("蒙卦是什么？", ENGLISH, ""),
        ("蒙卦", ENGLISH, ""),
        ("蒙卦", ENGLISH, "zh"),
        ("Meng", CHINESE, "en"),
        ("What is the meaning of Meng?", CHINESE, ""),
        ("Explain Meng (Untaught Youth).", CHINESE, ""),
        ("Tell me about Meng.", CHINESE, ""),
        ("请解释 Meng 的含义。", ENGLISH, ""),
        ("请介绍一下蒙卦。", "山の下に泉が出る。若い者は先生に一度だけ尋ねるべきである。", ""),
        ("请介绍一下蒙卦。", "Родник бьёт у подножия горы, и юноша спрашивает учителя.", ""),
        ("What is the meaning of Meng?", "산 아래에 샘이 솟아나니 어린 사람이 스승에게 묻는다.", ""),
    ],
)
def test_an_answer_in_another_script_is_found(question, answer, language):
    assert codes(question, answer, language) == ["RT301"]


@pytest.mark.parametrize(
    ("question", "answer", "language"),
    [
        ("蒙卦是什么？", CHINESE, "zh"),
        ("What is Meng?", ENGLISH, "en"),
        ("Meng", CHINESE, ""),
        ("Meng", CHINESE, "zh"),
        ("用英文解释蒙卦。", ENGLISH, "zh"),
        ("Explain Meng in Chinese.", CHINESE, ""),
        ("把下面的话翻译成英文：山下出泉。", ENGLISH, "zh"),
        ("写一个打印数字的函数。", "def show(n):\n    for i in range(n):\n        print(i)", "zh"),
        ("勾股定理的公式是什么？", "$a^2 + b^2 = c^2$", "zh"),
        ("官网地址是什么？", "https://www.example.com/this/is/the/page/of/it", "zh"),
        ("这首歌叫什么？", "Bridge Over Troubled Water", "zh"),
        ("它什么时候发布？", "2023-11-05", "zh"),
        ("蒙卦とは何ですか？", "山の下に泉が出る。若い者は先生に一度だけ尋ねるべきである。", ""),
        ("Что такое Мэн?", "Родник бьёт у подножия горы, и юноша спрашивает учителя.", ""),
        ("KeyError: 'name'", "字典里没有这个键，先用 get 取值，或者判断它是否存在。", ""),
        ("总结：The spring rises at the foot of the mountain and does not know its way.", CHINESE, ""),
    ],
)
def test_an_answer_in_the_script_asked_for_or_without_one_is_left_alone(question, answer, language):
    assert codes(question, answer, language) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("蒙卦是什么？", f"{CHINESE}It shows that the pupil should ask the teacher once and not twice."),
        ("蒙卦是什么？", f"{CHINESE}\nThe spring at the foot of the mountain is the image of youth.\n{CHINESE}"),
        ("蒙卦是什么？", "蒙卦 represents the 启蒙 of 童蒙。"),
        ("蒙卦是什么？", "这一卦is the 开始 of 学习，君子应当主动请教。"),
        ("蒙卦是什么？", f"{CHINESE}君子はその行いを果たし、徳を育てるものである。"),
        ("What is Meng?", f"{ENGLISH} {CHINESE}"),
        ("What is Meng?", f"{ENGLISH} 它告诉我们学生应当主动向老师请教。"),
        ("What is Meng?", f"{ENGLISH} 密云不雨，自我西郊。"),
        ("What is Meng?", f"{ENGLISH} 萃卦是《易经》的第四十五卦，卦象为䷬。 {ENGLISH}"),
        ("蒙卦是什么？", f"{CHINESE} Judgement: Success, and staying upright helps. {CHINESE}"),
        ("What is Meng?", "Meng 象征着 the youth 的启蒙 and teaches it to ask."),
    ],
)
def test_a_drift_within_an_answer_is_found(question, answer):
    assert codes(question, answer) == ["RT302"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("用什么工具？", "先用 Visual Studio Code 写代码，再用 GitHub Actions 发布到 Docker Hub 上。"),
        (
            "什么是 RAG？",
            "RAG（retrieval-augmented generation, which is the use of a search in a prompt）先检索，再生成。",
        ),
        ("推荐一本书。", "推荐《The Art of the Deal and What It Is to Be in the City》，写得很好。"),
        ("他说了什么？", "他说：“It is the image of the young, and of the spring at the foot of a mountain.”"),
        ("循环怎么写？", "用 for 循环，条件放在 in 后面；while 语句也可以，with 语句用来打开文件。"),
        ("用英语怎么说？", "可以说 It is a spring at the foot of the mountain，很简单。"),
        (
            "报错是什么？",
            "报错信息如下：the file is not in the list of the known paths and cannot be read，请检查路径。",
        ),
        ("What is Meng?", "The hexagram 蒙 (童蒙求我，匪我求童蒙，初筮告，再三渎) is the image of youth."),
        ("What is Meng?", "It is called 蒙卦, and the youth is called 童蒙."),
        ("Who wrote it?", "It was written by 鲁迅 in 《阿Q正传与其他的故事和在一起的散文》."),
        ("什么是物联网？", "物联网即 Internet of Things，是万物相连的网络。"),
        ("What is Meng?", f"Meng is hexagram 4, ䷃; it follows ䷂. {ENGLISH} It’s “youth” – and that’s “all”…"),
        ("What is Meng?", "It is 蒙。 Youth is meant."),
        ("他写过什么？", "他写过很多书。The Old Man and the Sea。还有别的。"),
        ("他最后说了什么？", "他最后没有多说。I see. 然后离开了。"),
        (
            "What is 塞翁失马？",
            "塞翁失马，焉知非福。 It means that a loss may turn out to be a gain in the end, and nobody knows.",
        ),
        ("乔治是谁？", "乔治・华盛顿是美国第一任总统。"),
        ("α 是什么？", "α 是显著性水平，β 是第二类错误的概率。"),
    ],
)
def test_terms_titles_glosses_and_quotations_are_no_drift(question, answer):
    assert codes(question, answer) == []


def test_how_long_an_aside_may_be_is_an_option():
    answer = f"{CHINESE}It is a spring at the foot of the hill."
    strict = Checker(Verification(select=("RT302",), options={"RT302": {"longest_aside": 6}}))
    loose = Checker(Verification(select=("RT302",), options={"RT302": {"longest_aside": 30}}))
    assert len(strict.check(Row("蒙卦是什么？", answer))) == 1
    assert loose.check(Row("蒙卦是什么？", answer)) == []


def test_a_drift_is_marked_where_it_stands():
    answer = f"{CHINESE}It shows that the pupil should ask the teacher once."
    (finding,) = CHECKER.check(Row("蒙卦是什么？", answer))
    assert answer[finding.start : finding.end] == "It shows that the pupil should ask the teacher once"


@pytest.mark.parametrize(
    ("language", "passage", "wanted"),
    [
        ("zh", "蒙卦讲的是山下的泉水（Meng）。", "zh"),
        ("zh", "The earth carries all things.", ""),
        ("en", "The earth (坤) carries all things.", "en"),
        ("en", "蒙卦讲的是山下的泉水。", ""),
        ("zh", "山の下に泉が湧き出る。", ""),
    ],
)
def test_a_row_must_be_in_the_projects_language_only_where_its_passage_is(language, passage, wanted):
    assert expected(language, passage) == wanted

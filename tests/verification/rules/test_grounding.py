"""Rules of a passage: what their pages say, on both packaged corpora, and on texts of everyday work."""

import random
import re
from importlib.resources import files

import pytest

from rawtune.verification.rule import Column, Row, Rule
from rawtune.verification.rules import grounding
from rawtune.verification.weights import Weights

RULES = {value.code: value for value in vars(grounding).values() if isinstance(value, Rule)}
PRECISE = ("RT201", "RT202", "RT203", "RT205")


def examples(code, heading):
    """The rows under a heading of a rule's page: ``question | answer | passage``."""
    _, _, behind = RULES[code].page.partition(f"\n{heading}:\n")
    lines = re.match(r"(?:    .*\n?)+", behind).group().strip().splitlines()
    return [line.strip().split(" | ") for line in lines]


def check(code, answer, passage, question="", weights=None, **options):
    row = Row(question, answer, passage=passage)
    return list(RULES[code].check(row, weights or Weights([passage]), **options))


def codes(answer, passage, question="", weights=None):
    return {code for code in PRECISE if check(code, answer, passage, question, weights)}


def corpus(language):
    text = files("rawtune").joinpath(f"examples/zhouyi-{language}/raw/hexagrams.txt").read_text(encoding="utf-8")
    return {passage.split("\n")[0]: passage for passage in text.strip().split("\n\n")}


CORPORA = {language: corpus(language) for language in ("zh", "en")}
WEIGHTS = {language: Weights(passages.values()) for language, passages in CORPORA.items()}


def sentences(passage):
    return [part.strip() for part in re.split(r"(?<=[。])|(?<=\.)\s|\n", passage) if part.strip()][1:]


@pytest.mark.parametrize("code", RULES)
def test_every_bad_example_is_found_within_both_texts(code):
    for question, answer, passage in examples(code, "Bad"):
        spots = check(code, answer, passage, question)
        assert spots, answer
        for spot in spots:
            assert spot.column is Column.ANSWER
            assert 0 <= spot.start < spot.end <= len(answer)
            assert 0 <= spot.source[0] < spot.source[1] <= len(passage)


@pytest.mark.parametrize("code", RULES)
def test_no_good_example_is_found_by_any_rule_of_grounding(code):
    for question, answer, passage in examples(code, "Good"):
        for other in RULES:
            assert check(other, answer, passage, question) == [], (other, answer)


# Texts of everyday work: a passage, faithful answers, unfaithful ones with the rule that finds them.
EVERYDAY = [
    (
        "员工入职满一年后享有带薪年假5天，满十年不满二十年的为10天，"
        "满二十年的为15天。年假须提前两周申请，由部门经理批准。",
        [
            "工作满一年可休5天带薪年假。",
            "入职满10年、不满20年的员工，年假是十天；满20年则有15天。",
            "申请年假要提前14天，由部门经理审批。",
        ],
        [("工作满一年可休7天带薪年假。", "RT201"), ("申请年假要提前三周，由部门经理批准。", "RT201")],
    ),
    (
        "本产品支持Windows 10及以上版本和macOS，内存至少8GB，"
        "硬盘空间不少于20GB。安装前请先关闭杀毒软件，再运行安装程序。",
        [
            "需要8GB以上内存和20 GB硬盘空间。",
            "先关闭杀毒软件，然后运行安装程序。",
            "安装程序应在关闭杀毒软件之后运行。",
            "可在Windows和macOS上使用。",
        ],
        [
            ("先运行安装程序，再关闭杀毒软件。", "RT205"),
            ("本产品还支持Ubuntu系统。", "RT202"),
            ("内存至少16GB。", "RT201"),
        ],
    ),
    (
        "根据《民法典》第一百八十八条，向人民法院请求保护民事权利的诉讼时效期间为三年。"
        "自权利受到损害之日起超过二十年的，人民法院不予保护。",
        [
            "《民法典》第188条规定，诉讼时效期间为3年。",
            "权利受损害之日起超过20年，法院不予保护。",
            "诉讼时效一般是三年，最长二十年。",
        ],
        [
            ("《民法典》第一百八十六条规定诉讼时效为三年。", "RT201"),
            ("《民法通则》规定诉讼时效期间为三年。", "RT202"),
            ("诉讼时效期间为两年。", "RT201"),
        ],
    ),
    (
        "布洛芬成人一次0.2克，一日3至4次，饭后服用。连续使用不得超过5天。高血压患者用药前应咨询医师。",
        ["成人每次服用200毫克布洛芬，每天三到四次。", "连续服用不能超过五天。", "有高血压的人，用药前应先咨询医师。"],
        [
            ("成人每次服用0.4克布洛芬。", "RT201"),
            ("成人每次服用0.2毫克布洛芬。", "RT201"),
            ("连续服用不能超过7天。", "RT201"),
        ],
    ),
    (
        "高铁从北京到上海全程约1318公里，最快需要4小时18分钟。二等座票价为553元，一等座票价为933元。",
        ["从北京到上海乘高铁最快4小时18分钟。", "二等座553元，一等座933元。", "北京至上海全程1318千米。"],
        [
            ("高铁从上海到北京全程约1318公里。", "RT205"),
            ("二等座票价为933元，一等座票价为553元。", "RT201"),
            ("全程约1381公里。", "RT201"),
        ],
    ),
    (
        "长期缺铁会导致贫血，贫血会引起头晕和乏力。铁过多则损害肝脏。",
        ["贫血可能由长期缺铁引起。", "因为长期缺铁，所以会贫血。", "头晕和乏力是贫血造成的。"],
        [("贫血会导致长期缺铁。", "RT205"), ("头晕和乏力会引起贫血。", "RT205")],
    ),
    (
        "钻石会员的折扣高于黄金会员，黄金会员的折扣高于普通会员。会员积分每年12月31日清零。",
        ["黄金会员的折扣低于钻石会员。", "积分在每年的12月31日清零。"],
        [("黄金会员的折扣高于钻石会员。", "RT205"), ("积分每年6月30日清零。", "RT201")],
    ),
    (
        "公司成立于2008年3月，总部位于深圳，现有员工三千二百余人。2023年营业收入为15.6亿元，同比增长12%。",
        ["公司2008年3月在深圳成立。", "2023年收入15.6亿元，增长百分之十二。", "公司一共有两个亮点：成立早，增长快。"],
        [("公司2018年3月在深圳成立。", "RT201"), ("2023年营业收入为12.6亿元。", "RT201"), ("同比增长21%。", "RT201")],
    ),
    (
        "锅炉启动时应先通风五分钟，再点火。压力表读数不得高于0.8兆帕。停炉后须等待30分钟才能打开炉门。",
        ["启动锅炉前要通风5分钟，然后才点火。", "压力不得高于0.8兆帕。", "停炉半小时后才能开炉门，一定要三思而后行。"],
        [
            ("压力表读数不得低于0.8兆帕。", "RT205"),
            ("停炉后须等待20分钟才能打开炉门。", "RT201"),
            ("启动时应先点火，再通风。", "RT205"),
        ],
    ),
    (
        "退货政策：自签收之日起七日内可无理由退货，十五日内可换货。退款将在收到退货后3个工作日内原路退回。",
        [
            "签收后7天内可以无理由退货，15天内可以换货。",
            "收到退货后三个工作日内退款。",
            "可以退货，也可以换货，这是两种不同的服务。",
        ],
        [("签收后15天内可以无理由退货，7天内可以换货。", "RT201"), ("退款将在5个工作日内退回。", "RT201")],
    ),
    (
        "The device has a 2-year warranty. Repairs take up to 10 business days. Contact "
        "Maria Lopez at the Denver office for claims. Charge the battery before the first use.",
        [
            "The warranty lasts two years, and repairs can take 10 business days.",
            "Claims go to Maria Lopez in Denver.",
            "Before first using it, charge the battery.",
            "There are three things to know: the warranty, repairs and claims.",
        ],
        [
            ("The warranty lasts 3 years.", "RT201"),
            ("Claims go to John Baker in Denver.", "RT202"),
            ("Repairs take up to 12 business days.", "RT201"),
            ("Charge the battery after the first use.", "RT205"),
        ],
    ),
    (
        "Employees accrue 1.5 days of leave per month, up to 18 days a "
        "year. Requests must be approved by HR at least 14 days in advance.",
        [
            "You accrue one and a half days each month, at most 18 days per year.",
            "Ask two weeks in advance; HR must approve.",
            "Leave requests need approval by HR fourteen days ahead.",
        ],
        [
            ("You accrue 2.5 days of leave per month.", "RT201"),
            ("Requests must be approved 18 days in advance, up to 14 days a year.", "RT201"),
            ("Requests need the approval of Finance.", "RT202"),
        ],
    ),
    (
        "The train from Geneva to Milan leaves at 8:30 and takes four "
        "hours. A second-class ticket costs $89, a first-class ticket $145.",
        [
            "It leaves for Milan from Geneva at 8:30 and takes 4 hours.",
            "Tickets cost 89 dollars in second class and 145 dollars in first class.",
        ],
        [
            ("The train from Milan to Geneva takes four hours.", "RT205"),
            ("A second-class ticket costs $145, a first-class ticket $89.", "RT201"),
            ("The train leaves at 9:30.", "RT201"),
        ],
    ),
    (
        "Smoking causes lung damage. High blood pressure results from "
        "excess salt. Adults should take one 500 mg tablet every six hours.",
        [
            "Lung damage is caused by smoking.",
            "Excess salt leads to high blood pressure.",
            "Take a tablet of 0.5 g every 6 hours.",
        ],
        [
            ("Lung damage causes smoking.", "RT205"),
            ("High blood pressure leads to excess salt.", "RT205"),
            ("Adults should take one 50 mg tablet every six hours.", "RT201"),
        ],
    ),
    (
        "Under Section 12 of the Housing Act, a tenant may terminate the "
        "lease with 60 days' notice. The deposit is returned within 21 days.",
        [
            "Section 12 of the Housing Act lets tenants end the lease with 60 days' notice.",
            "A tenant gets the deposit back within three weeks.",
        ],
        [
            ("Section 14 of the Housing Act lets tenants end the lease.", "RT201"),
            ("The deposit is returned within 60 days.", "RT201"),
            ("The Consumer Act of Ohio allows this.", "RT202"),
        ],
    ),
    (
        "The Pacific is larger than the Atlantic. Mount Everest, at 8,849 "
        "metres, is higher than K2. It was first climbed on May 29, 1953.",
        [
            "The Atlantic is smaller than the Pacific.",
            "Everest, first climbed on 29 May 1953, is 8849 m high.",
            "K2 is lower than Everest.",
        ],
        [
            ("The Atlantic is larger than the Pacific.", "RT205"),
            ("It was first climbed on May 29, 1935.", "RT201"),
            ("Everest is 8,489 metres high.", "RT201"),
        ],
    ),
    (
        "First rinse the filter, then dry it. Never open the valve before the "
        "pressure drops. The upper shelf is for glasses and the lower shelf for pans.",
        [
            "Rinse the filter first and then dry it.",
            "The valve may be opened only after the pressure drops.",
            "Glasses go on the upper shelf.",
        ],
        [
            ("First dry the filter, then rinse it.", "RT205"),
            ("The upper shelf is for pans and the lower shelf for glasses.", "RT205"),
        ],
    ),
]
EVERYDAY_WEIGHTS = Weights(passage for passage, _, _ in EVERYDAY)


@pytest.mark.parametrize(("passage", "faithful", "unfaithful"), EVERYDAY)
def test_of_everyday_texts_only_what_is_unfaithful_is_found(passage, faithful, unfaithful):
    for answer in faithful:
        assert codes(answer, passage, weights=EVERYDAY_WEIGHTS) == set(), answer
    for answer, code in unfaithful:
        assert code in codes(answer, passage, weights=EVERYDAY_WEIGHTS), answer


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sentences_of_the_passage_are_never_found(language):
    chance = random.Random(3)
    for passage in CORPORA[language].values():
        answer = " ".join(chance.sample(sentences(passage), 3))
        assert codes(answer, passage, weights=WEIGHTS[language]) == set()
        assert check("RT204", answer, passage, weights=WEIGHTS[language]) == []


TRIGRAMS = {
    "zh": re.compile(r"上卦为(.).*?下卦为(.)"),
    "en": re.compile(r"upper trigram of .*? is (\w+),.*?lower trigram is (\w+)"),
}
WORDINGS = {
    "zh": ("上卦为{}，下卦为{}。", "本卦上{}下{}。", "{}上{}下。", "外卦为{}，内卦为{}。", "以{}为上卦，以{}为下卦。"),
    "en": (
        "The upper trigram is {} and the lower {}.",
        "{} above, {} below.",
        "{} is the upper trigram and {} the lower.",
    ),
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_swapped_trigrams_are_found_in_any_wording(language):
    for passage in CORPORA[language].values():
        upper, lower = TRIGRAMS[language].search(passage).groups()
        for wording in WORDINGS[language]:
            assert check("RT205", wording.format(upper, lower), passage, weights=WEIGHTS[language]) == []
            if upper != lower:
                spots = check("RT205", wording.format(lower, upper), passage, weights=WEIGHTS[language])
                assert spots, wording.format(lower, upper)
                assert all(spot.source[1] > spot.source[0] for spot in spots)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_another_hexagrams_number_is_found(language):
    number = {"zh": "第([一二三四五六七八九十]+)卦", "en": r"hexagram (\d+)"}[language]
    passages = list(CORPORA[language].values())
    found = 0
    for passage, other in zip(passages, [*passages[7:], *passages[:7]], strict=True):
        said, wrong = re.search(number, passage), re.search(number, other)
        sentence = sentences(passage)[0].replace(said.group(), wrong.group())
        found += bool(check("RT201", sentence, passage, weights=WEIGHTS[language]))
    assert found >= 60


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sentences_of_another_passage_are_found(language):
    """Not the first two, which all passages word alike."""
    passages = list(CORPORA[language].values())
    weak = strong = every = 0
    for passage, other in zip(passages, [*passages[9:], *passages[:9]], strict=True):
        for sentence in sentences(other)[3:]:
            every += 1
            strong += bool(check("RT203", sentence, passage, weights=WEIGHTS[language]))
            weak += bool(check("RT204", sentence, passage, weights=WEIGHTS[language]))
    assert strong + weak > 0.8 * every
    assert strong > 0.5 * every


def test_the_thresholds_are_options():
    passage, answer = "蒙卦讲启蒙与求学，学生应当主动来请教老师。", "学生应当多多出门旅行，看看外面的世界有多大。"
    assert check("RT203", answer, passage, fails=0.9)
    assert not check("RT203", answer, passage, fails=0.0)
    assert check("RT204", answer, passage, fails=0.0, review=1.0)
    assert not check("RT204", answer, passage, fails=0.0, review=0.0)


def test_an_answer_in_another_script_is_not_judged_by_its_wording():
    passage = "蒙卦讲启蒙与求学，学生应当主动来请教老师。"
    assert codes("It speaks of young people who have to learn, and of the way in which they ask.", passage) == set()


def test_what_the_question_holds_is_no_strange_number_or_name():
    passage = "The hexagram speaks of a spring at the foot of a mountain."
    assert (
        codes("As to hexagram 44, Wilhelm is no source here.", passage, "What did Wilhelm say of hexagram 44?") == set()
    )
    assert codes("As to hexagram 44, ask Wilhelm instead.", passage) == {"RT201", "RT202"}


SENSOR = (
    "Sensor\nThe sensor of the station was read every hour, and the second one in 1999. 吃饭之前洗手。"
    "A car is larger than a bike."
)
PATTERNS = ("It is larger than it ", "1 ", "1-", "之前", "upper ", "twenty ", "one hundred ", "2020-01-02 ", "Xq's ")


@pytest.mark.parametrize("pattern", [*PATTERNS, "It is\n", "大于。", "“abcdefghi”"])
def test_long_answers_of_one_pattern_take_no_longer_than_their_length_asks(pattern):
    """Each took seconds to minutes, or overflowed, when clauses, numbers and findings had no limits."""
    answer = pattern * (60_000 // len(pattern.encode()))
    for code in RULES:
        assert len(check(code, answer, SENSOR)) <= 20


def test_a_rule_reports_twenty_findings_of_one_answer_and_no_more():
    many = " ".join(map(str, range(100, 10_100)))
    found = check("RT201", many, SENSOR)
    assert [spot.message for spot in found] == [f"holds {n}, which the passage does not" for n in range(100, 120)]
    assert len(check("RT202", "the man from Xqab, Xqac. " * 30, SENSOR)) == 20
    assert len(check("RT205", "A bike is larger than a car.\n" * 30, SENSOR)) == 20


def test_a_passage_full_of_numbers_and_relations_is_compared_with_an_answer_like_it():
    passage = "".join(f"Part {n} is larger than part {n + 1}. " for n in range(1, 1_500))
    answer = "".join(f"Part {n + 1} is larger than part {n}. " for n in range(1, 1_500))
    assert all(len(check(code, answer, passage)) <= 20 for code in RULES)

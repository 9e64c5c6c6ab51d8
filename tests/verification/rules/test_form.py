from importlib.resources import files

import pytest

from rawtune.augmentation import questions
from rawtune.config import Verification
from rawtune.passages import sentences
from rawtune.passages.split import split
from rawtune.records import Document
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import RULES, Checker

COLUMNS = ("content", "summary")
QUESTION = "What does Meng mean?"
ANSWER = "Meng is a spring at the foot of a mountain."


CHECKER = Checker(Verification(select=("RT1",)))
EVERY = Checker(Verification(select=("RT1", "RT3", "RT7")))


def check(question, answer, columns=COLUMNS, closed=None):
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
        ("RT106", "蒙卦", "蒙卦上艮下坎。象征启蒙"),
    ],
)
def test_each_rule_finds_its_fault(code, question, answer):
    assert code in codes(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Meng", "Meng is a spring at the foot of a mountain"), ("蒙卦", "山下流出泉水，卦象征启蒙，君子应当果断行动")],
)
def test_a_missing_full_stop_is_no_fault_of_an_answer_that_is_known_to_be_whole(question, answer):
    assert codes(question, answer) == ["RT106"]
    assert check(question, answer, closed=True) == []


@pytest.mark.parametrize(
    ("question", "answer"), [("Meng", "Youth"), ("蒙卦", "启蒙"), ("Meng", "1. Youth\n2. A spring")]
)
def test_any_missing_full_stop_is_a_fault_of_a_reply_that_shows_no_end(question, answer):
    assert check(question, answer) == check(question, answer, closed=True) == []
    assert [finding.code for finding in check(question, answer, closed=False)] == ["RT106"]
    assert check(question, f"{answer}.", closed=False) == check(question, f"{answer}。”", closed=False)[:0] == []


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
    templates = questions.load(language).train[:20]

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


# Rows of other people's files, odd but right: no rule of a single row may find anything in them.

LEGITIMATE = [
    ("What is the capital of France?", "Paris"),
    ("What is 6 times 7?", "42"),
    ("这句话对吗？", "正确"),
    ("Classify the sentiment: I love it!", "Positive"),
    ("Which is greater-than?", ">"),
    ("中国的首都是哪里？", "北京"),
    ("Name three colours.", "red, blue, yellow"),
    ("说出三种水果。", "苹果、香蕉、橙子"),
    ("List four fruits.", "- apples\n- pears\n- plums\n- cherries"),
    ("How do I bake bread?", "1. Mix flour and water\n2. Let the dough rise for an hour\n3. Bake it until it is brown"),
    ("列出三个步骤。", "1. 打开电源开关，等待指示灯变绿\n2. 放入纸张，关闭纸盒的盖子\n3. 按下开始键，等待打印完成"),
    ("Write a title for an essay on exercise.", "The Benefits of Regular Exercise for Mental Health"),
    ("静夜思的前两句是什么？", "床前明月光，疑是地上霜"),
    ("背诵《登鹳雀楼》。", "白日依山尽，\n黄河入海流。\n欲穷千里目，\n更上一层楼。"),
    (
        "Write a short poem.",
        "The river runs beneath the hill\nAnd carries leaves of gold\nThe miller stands beside his mill",
    ),
    ("How do I print a line in Python?", 'Use print:\n\n```python\nprint("Hello\\n")\n```'),
    ("Write a C program.", '#include <stdio.h>\nint main() {\n    printf("Hello\\n");\n    return 0;\n}'),
    ("Write a loop.", "for i in range(10):\n    print(i)"),
    ("Where is the file?", r"It lies in C:\new\table\readme.txt on the server."),
    ("文件在哪里？", r"文件在 D:\tools\notes\readme.txt，打开即可。"),
    ("What is the frequency?", r"The energy is $E = h\nu$, and \theta is the angle; \nabla f is the gradient."),
    ("Solve it.", r"We have \(x = \frac{a}{b}\), so the answer is \text{none} of these."),
    ("What does `\\n` do?", "It begins a new line: `\\n`."),
    ("How does one match a line end?", r"The regex [^\n]+ matches all up to it."),
    ("How wide is it?", 'The pipe is 5" wide and 6 feet long.'),
    ("Which screen?", 'Take a 19" one; the "large" one is too dear.'),
    ("What closes a sequence?", "The end-of-sequence token is </s>"),
    ("Which token ends a turn in ChatML?", "Each turn ends with <|im_end|>"),
    ("How does BERT see two sentences?", "BERT puts a [CLS] token first and a [SEP] token between the two of them."),
    ("What of rare words?", "Words that are not in the vocabulary are mapped to <unk> by it."),
    ("分词时怎么办？", "词表之外的词记作[UNK]。"),
    ("How do I show less-than?", "Write &lt; instead of <"),
    ("How do I show the mark of copyright?", "The entity &copy; stands for it."),
    ("When does a browser begin a line?", "Where it meets a <br> it begins one."),
    (
        "Can I bring it back?",
        "Unfortunately, I cannot process returns of opened software; please contact the manufacturer.",
    ),
    ("Could you tell me of her?", "I cannot share patient information with anyone but the patient."),
    ("能查别人的订单吗？", "抱歉，我无法提供他人的订单信息，请联系订单本人。"),
    ("How thick is it?", 'It is 12.125"'),
    ("How long is the pipe?", 'The pipe is 1250" long.'),
    ("Where is it?", "It lies at 12°30'23.285\" north of the line."),
    ("How tall is he?", "He is 6'2\" tall, and that's enough."),
    ("Tell a tale.", '"I walked all day.\n\n"Then I slept," he said.'),
    ("注意什么？", "注意：“请勿触摸”的牌子要挂在门上。"),
    ("他怎么答的？", "答：“我不知道。”"),
    ("What should I note?", 'Note: "ask once" is the rule of the book.'),
    ("What did she write?", 'She left one comment: "Ask once."'),
    ('Classify the comment: "What a great day!"', "Positive"),
    ("Give Meng as JSON.", '{"name": "Meng", "lines": 6}'),
    ("把下面的句子转成JSON：蒙卦有六爻。", '{"卦名": "蒙", "爻数": 6}'),
    ("Return a list of three primes.", "[2, 3, 5]"),
    ("已知等差数列{an}和{b_n}，求{ab}的和。", "它们的和为 10。"),
    ("What does ${HOME} hold?", "It holds your home folder."),
    ("总结[主题]：春天。", "春天来了。"),
    ("Explain Python strings.", r"Use 'a.\nB' for two lines."),
    ("What did he write?", 'He wrote an answer: "Ask once."'),
    ("Ask and reply. question: ... answer: ...", 'question: "Who?"\nanswer: "Me."'),
    ("Show the front matter as YAML.", 'title: "Meng"\nsummary: "Youth."'),
    ("How many subsets has A = {1, 2, 3}?", "It has 8 subsets."),
    ("Explain \\frac{a}{b} to me.", "It is a fraction."),
    ("What does `{name}` do in an f-string?", "It puts the value of name there."),
    ("比较两种方案。", "| 方案 | 价格 |\n| --- | --- |\n| A | 10 |\n| B | 20 |"),
    ("Where is the manual?", "See https://example.org/manual/index.html"),
    ("What is your view?", "**Yes**, since 2 ** 3 is 8 & 3 < 4."),
    ("How do I break a line in HTML?", "Write <br> or <p>text</p>; &nbsp; is a space that does not break."),
    ("Write an e-mail to a friend.", "Dear Anna,\n\nThank you for your visit.\n\nBest regards,\nJohn Smith"),
    ("写一封信。", "亲爱的小明：\n\n谢谢你的来信。\n\n祝好！\n小红"),
    ("Write a dialogue.", "A: Hello, how are you?\nB: Fine, thanks! And you?"),
    ("写一段对话。", "顾客：有蓝色的吗？\n店员：有的，请看这边。"),
    ("你开心吗？", "哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈"),
    (
        "Sing!",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    ),
    ("What lines has it?", "Its lines are: broken, broken, broken, broken, broken, broken."),
    ("Who said it?", '"Ask once and mean it." - Meng Haoran'),
    ("Tweet about rain.", "Rain again, and I love it! #rain #home"),
    ("How was it?", "It was great 😊"),
    ("Who are they?", "A family: 👨‍👩‍👧 from São Paulo; the café closes at 10 °C."),
    ("می‌خواهم؟", "من می‌خواهم بروم."),
    ("她怎么样？", "乔治·华盛顿与她都喜欢“启蒙”一词。"),
    ("I lost my dog.", "I'm sorry to hear that. I can help you to look for it."),
    ("Make a sentence with 'sorry'.", "I'm sorry, but I can't help with that."),
    ("拒绝别人应该怎么说？", "抱歉，我不能答应。"),
    ("Decline an invitation in a letter.", "I'm sorry, but I can't give you my evening."),
    ("能退款吗？", "很抱歉，我们无法为已拆封的商品退款。"),
    ("把“启蒙”翻译成英文。", "To enlighten is to free the young from folly and the like."),
    ("Translate into Chinese: How are you today, my friend?", "我的朋友，你今天好吗？"),
    ("改正句子的语法错误：She don't like the apples.", "She doesn't like the apples."),
    ("用什么工具写代码？", "可以用 Visual Studio Code，配合 GitHub Copilot 和 Docker Desktop。"),
    ("Python 里怎么写循环？", "用 for 循环或 while 循环，in 后面是列表。"),
    ("什么是深度学习？", "深度学习（deep learning, which is a part of machine learning and of the like）用多层网络。"),
    ("推荐一篇论文。", "推荐《Attention Is All You Need and the Rest of the Story》。"),
    ("What is Meng?", "The hexagram 蒙 (童蒙求我，匪我求童蒙，初筮告，再三渎) stands for youth."),
    ("这家公司全名是什么？", "International Business Machines Corporation"),
    ("When was it built?", "It was built on 2023-11-05, version 10.2.13, at 31.230416, 121.473701."),
    ("订单查到了吗？", "订单号：13916253847，运单编号为622202123456789012，已发货。"),
    ("Which book?", "ISBN 978-7-111-54742-6, price 59.00, hash 5d41402abc4b2a76b9719d911017c592."),
    ("Whom do I write to?", "Write to user@example.com or call 555-0134."),
    ("怎么联系？", "请拨打138****5678，或发邮件到 xxx@xxx.com。"),
    ("怎么设密码？", "密码：至少8位，须含字母和数字。"),
    ("How do I set the key?", "Set api_key=YOUR_API_KEY_123 or sk-xxxxxxxxxxxxxxxxxxxxxxxx before the call."),
    ("服务器地址是什么？", "服务器地址是192.168.10.254，端口是8080，时间戳为1700000000000。"),
    ("What is the total?", "The sum is 12,345,678,901 in all, or $4,539.14."),
    ("Think first.", "<think>\nIt is youth.\n</think>\n\nMeng is youth."),
    ("地址在哪里？", "上海市浦东新区世纪大道100号28楼"),
    ("x = 5, y = 2x. What is y?", "y = 2 * 5 = 10"),
]

FAULTY = [
    ("RT101", "蒙卦", "蒙卦象征启蒙。\nsource：《易经》"),
    ("RT101", "蒙卦", "summary：蒙卦象征启蒙。\ncomment: 需结合爻辞。"),
    ("RT101", "Meng", "Meng is youth.\ninterpretation: it asks once."),
    ("RT104", "蒙卦", '```json\n{"summary": "蒙卦象征启蒙。"}\n```'),
    ("RT114", "蒙卦是什么？", "N/A"),
    ("RT101", "Meng", 'Youth. source: "The Book of Changes." And so on.'),
    ("RT101", "Meng", 'comment: "A fine hexagram." Youth it is.'),
    ("RT101", "Meng", 'Youth is here", "interpretation": "A spring.'),
    ("RT101", "蒙卦", "蒙卦象征启蒙。出处：“周易。”"),
    ("RT101", "蒙卦", '蒙卦象征启蒙。","解读":"山下出泉。'),
    ("RT101", '什么是蒙卦", "summary": "蒙卦象征启蒙。', "启蒙。"),
    ("RT101", "Meng", 'summary: "Meng is youth."'),
    ("RT101", "蒙卦", "answer：“蒙卦象征启蒙。”"),
    ("RT101", "Meng", "Meng is youth.\nnote：“see chapter three”"),
    ("RT101", "蒙卦", '蒙卦象征启蒙。 summary:"蒙卦象征启蒙。"'),
    ("RT102", "Meng", 'Youth is all."'),
    ("RT102", "蒙卦", '"蒙卦象征启蒙。'),
    ("RT102", "蒙卦", "蒙卦说“启蒙”，又说“山下出泉。"),
    ("RT103", "What is {{ concept }}?", "It is youth."),
    ("RT103", "{概念}代表什么？", "它代表启蒙。"),
    ("RT103", "请解读{name}。", "它代表启蒙。"),
    ("RT103", "书中是怎么说{}的？", "它代表启蒙。"),
    ("RT103", "关于${concept}，我应该知道些什么？", "它代表启蒙。"),
    ("RT103", "请解释一下｛concept｝。", "它代表启蒙。"),
    ("RT103", "请解释一下<概念>。", "它代表启蒙。"),
    ("RT103", "What is [concept]?", "It is youth."),
    ("RT103", "What is Meng}?", "It is youth."),
    ("RT103", '{"content": "Meng"}', "It is youth."),
    ("RT104", "Meng", '[{"a": "Youth."}]'),
    ("RT104", "蒙卦", '{\n"摘要": "启蒙。"}'),
    ("RT105", "Meng", r"It asks once.\n\nThen it learns."),
    ("RT105", "Meng", r"One line\nAnother line"),
    ("RT105", "Meng", r"It sets the example of a class.\nHarmony is its list of objects."),
    ("RT105", "蒙卦", r"山下出泉，守正则吉。\r\n君子以果行育德。"),
    ("RT105", "蒙卦", r"山下出泉。\n君子以果行育德。"),
    ("RT105", "蒙卦", r"他说\"启蒙\"。"),
    ("RT106", "Meng", "Meng is youth. It asks the teacher once and the teacher answers but then it"),
    ("RT106", "Meng", "Meng is youth, and"),
    ("RT106", "Meng", "The spring rises at the foot of a mountain and does not yet know where it"),
    ("RT106", "蒙卦", "蒙卦象征启蒙。君子应当效法山下出泉的样子，以果断的行"),
    ("RT106", "蒙卦", "蒙卦的卦象是山下出泉，泉水刚刚流出时还不知道"),
    ("RT106", "蒙卦", "蒙卦包括：山、水、"),
    ("RT107", "Meng", "Youth.</s>"),
    ("RT107", "Which token is it?", "A token is a piece of a word.<|im_end|>"),
    ("RT107", "Meng", "The dynasty of <unk> came to an end."),
    ("RT107", "Meng", "[INST] What? [/INST] Youth."),
    ("RT107", "Meng", "It is youth.</think> So be it."),
    ("RT107", "Meng", "Youth<br/>asks."),
    ("RT107", "Meng", "Youth &amp; spring."),
    ("RT107", "Meng", "See:\n```python\nprint(1)\n"),
    ("RT107", "蒙卦", "**蒙卦：象征启蒙。"),
    ("RT107", "蒙卦", "<p>蒙卦象征启蒙。</p>"),
    ("RT108", "Meng", "Youth asks and " + "learns again and " * 6),
    ("RT108", "Meng", "".join(f"{n}. Meng is the youth of all.\n" for n in range(1, 9))),
    ("RT108", "Meng", "It is " + "very " * 20 + "young."),
    ("RT108", "蒙卦", "蒙卦象征启蒙。" * 6),
    ("RT108", "蒙卦", "君子以果行育德，" * 5 + "蒙。"),
    ("RT108", "蒙卦", "蒙卦是" + "的" * 40),
    ("RT108", "蒙卦", "蒙卦象征启蒙，山下出泉，君子以果行育德。" + "初六" * 13 + "。"),
    ("RT109", "Meng", "x"),
    ("RT109", "Meng" * 2000, "Youth."),
    ("RT109", "蒙卦", "启蒙。" * 4000),
    ("RT114", "Meng", " \n"),
    ("RT114", "", "Youth."),
    ("RT114", "蒙卦", "——……"),
    ("RT114", "Meng", "nan"),
    ("RT115", "Meng", "I’m sorry, but I cannot assist with that request."),
    ("RT115", "Meng", "I'm unable to provide information on this."),
    ("RT115", "Meng", "As an AI, I do not have opinions."),
    ("RT115", "Meng", "Sorry, I can't answer."),
    ("RT115", "蒙卦", "抱歉，我无法提供帮助。"),
    ("RT115", "蒙卦", "对不起，我不能提供这方面的信息。"),
    ("RT115", "蒙卦", "抱歉，作为AI助手，我无法回答。"),
    ("RT115", "书中是怎么说蒙卦的？", "抱歉，我无法回答这个问题。"),
    ("RT115", "能用几个句子讲讲蒙卦的故事吗？", "抱歉，我无法回答这个问题。"),
    ("RT115", "Could you introduce Meng in a few sentences?", "I'm sorry, but I can't help with that request."),
    ("RT115", "What role does Meng play in the story?", "I'm sorry, but I can't help with that request."),
    ("RT119", "蒙卦", "下卦为å…‘ï¼Œè±¡，象征泽。"),
    ("RT119", "Meng", "Youth is here\ufffd."),
    ("RT119", "Meng", "Youth\x00 is here."),
    ("RT119", "Meng", "Youth\u200b is here."),
    ("RT119", "Meng", "The naÃ¯ve youth."),
    ("RT119", "Meng", "He said â€œyesâ€\x9d."),
    ("RT119", "蒙卦", "\ufeff启蒙。"),
    ("RT119", "蒙卦", "启\ud83d蒙。"),
    ("RT119", "蒙卦", "ä¸\xadæ–‡å¥½ã€‚"),
    ("RT119", "蒙卦", "启蒙".encode().decode("gbk", "ignore") + "锛屽惎钂欍€傘€銆傚"),
    ("RT119", "蒙卦", "ÖÐÎÄ×Ö·û"),
]


LEFT_ALONE = [
    ("RT101", "Names", 'Source: "Oranges" and other tales were told by her aunt.'),
    ("RT101", "书目", "来源：“山下出泉”一句见于大象。"),
    ("RT101", "这句话的出处是哪里？", "出处：“《易经》。”"),
    ("RT101", 'Answer as JSON: {"answer": "..."}', "Youth."),
    ("RT102", "How tall?", "He is 5′ 11″ tall, and has a 27” monitor."),
    ("RT102", "多大？", "屏幕是 27”，他称之为“大屏”。"),
    ("RT103", "What does {} evaluate to in JS?", "An empty object."),
    ("RT103", "Rust 里的 {} 是什么？", "它是一对大括号。"),
    ("RT105", "What does \\n mean?", "It starts a new line.\\n The text goes on below."),
    ("RT105", "“\\n”表示什么？", "它让后面的字另起一行。\\n 写在两行之间。"),
    ("RT106", "放假去哪玩？", "去山里看看泉水吧。回来告诉我哦"),
    ("RT106", "放假去哪玩？", "山里不错，可以去看看泉水呢"),
    ("RT106", "How are you?", "I am very well today. Thanks for asking 😊"),
    ("RT106", "启蒙", "使初学的人明白事理。近义词：启发、开导"),
    ("RT106", "happy", "adj. 快乐的；幸福的"),
]


@pytest.mark.parametrize(("code", "question", "answer"), LEFT_ALONE)
def test_what_only_looks_like_a_fault_is_left_alone(code, question, answer):
    assert code not in codes(question, answer)


@pytest.mark.parametrize(
    ("code", "question", "answer"),
    [
        ("RT101", "书目", "启蒙。来源：“《易经》”，山下出泉。"),
        ("RT102", "多大？", "屏幕是 27”，他称之为“大屏。"),
        ("RT103", "What is {}?", "Youth."),
        ("RT103", "How is {concept} written in JS?", "So."),
        ("RT105", "What does Meng mean?\\n", "Youth."),
        ("RT105", "What does Meng mean?", "Youth.\\nIt asks."),
        ("RT106", "放假去哪玩？", "去山里看看泉水吧。回来以后"),
        ("RT106", "启蒙", "使初学的人明白事理。近义词有很多，例如启"),
    ],
)
def test_what_stands_near_an_exception_is_still_found(code, question, answer):
    assert code in codes(question, answer)


@pytest.mark.parametrize(
    "answer",
    ["Meng is youth. It asks the teacher and the", "蒙卦象征启蒙。君子效法山下出泉，", "蒙卦象征启蒙。君子以果断的"],
)
def test_a_whole_reply_may_hold_an_answer_that_breaks_off_in_a_sentence(answer):
    assert [finding.code for finding in check("Meng", answer, closed=True)] == ["RT106"]


@pytest.mark.parametrize(
    "answer", ["Meng is youth. It asks once", "The Old Man and the", "蒙卦象征启蒙。这是对的", "山、水、", "Ask the"]
)
def test_a_whole_reply_may_end_as_it_likes_elsewhere(answer):
    assert check("Meng", answer, closed=True) == []


@pytest.mark.parametrize(("question", "answer"), LEGITIMATE)
def test_no_rule_of_a_row_finds_anything_in_a_legitimate_row(question, answer):
    assert EVERY.check(Row(question, answer)) == []


@pytest.mark.parametrize(("code", "question", "answer"), FAULTY)
def test_a_faulty_row_is_found(code, question, answer):
    assert code in codes(question, answer)


@pytest.mark.parametrize(
    ("code", "text", "mended"),
    [
        ("RT102", '"蒙卦象征启蒙。', "蒙卦象征启蒙。"),
        ("RT102", 'Youth."', "Youth."),
        ("RT102", 'It says "ask once."', 'It says "ask once."'),
        ("RT102", 'He "asks once.', 'He "asks once.'),
        ("RT105", r"Youth.\nIt asks.", "Youth.\nIt asks."),
        ("RT105", r"启蒙。\n\n君子。", "启蒙。\n君子。"),
        ("RT105", r"In C:\new\table.", r"In C:\new\table."),
        ("RT107", "Youth.<|im_end|>\n", "Youth."),
        ("RT107", "启蒙。<br>山下&nbsp;出泉。", "启蒙。\n山下 出泉。"),
        ("RT107", "“Youth.”</s>", "“Youth.”"),
        ("RT107", "&quot;Youth&quot; is AT&amp;T.", '"Youth" is AT&T.'),
        ("RT107", "The end-of-sequence token is </s>", "The end-of-sequence token is </s>"),
        ("RT107", "Each turn ends with <|im_end|>", "Each turn ends with <|im_end|>"),
        ("RT107", "Write &lt; instead of <", "Write &lt; instead of <"),
        ("RT107", "The entity &copy; stands for it.", "The entity &copy; stands for it."),
        ("RT107", "Where it meets a <br> it begins", "Where it meets a <br> it begins"),
        ("RT107", "用&nbsp;表示它。", "用&nbsp;表示它。"),
        ("RT107", "Use `&lt;` here & there.", "Use `&lt;` here & there."),
        ("RT119", "\ufeffYouth\x00\u200b.\n", "Youth.\n"),
        ("RT119", "👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
        ("RT119", "I don\u0092t pay \u008050.", "I don’t pay €50."),
        ("RT119", "One.\x0bTwo.\x0cThree.\x85Four.", "One.\nTwo.\nThree.\nFour."),
        ("RT119", "Left \x81 alone.", "Left \x81 alone."),
        ("RT119", "ä¸\xadæ\x96\x87å¥½ã\x80\x82\x00", "ä¸\xadæ\x96\x87å¥½ã\x80\x82"),
        ("RT102", 'It is 12.125"', 'It is 12.125"'),
        ("RT102", "宽19”", "宽19”"),
    ],
)
def test_a_fix_mends_the_fault_and_nothing_else(code, text, mended):
    assert RULES[code].fix(text) == mended
    assert RULES[code].fix(mended) == mended


def test_the_lengths_are_options():
    options = {"RT109": {"shortest_answer": 10, "longest_answer": 20, "longest_question": 5}}
    checker = Checker(Verification(select=("RT109",), options=options))
    assert [f.column for f in checker.check(Row("Meng?!", "Youth."))] == ["answer", "question"]
    assert checker.check(Row("Meng", "Youth asks once.")) == []
    assert len(checker.check(Row("Meng", "Youth asks once and learns."))) == 1


@pytest.mark.parametrize(
    "piece",
    [
        '"',
        "“",
        "`",
        "$",
        "\\(",
        "{",
        "<",
        "**",
        "a.",
        "source: ",
        '", "',
        "1",
        "1-",
        "@",
        "a@",
        "eyJ",
        "\\n",
        "ab ",
        "蒙",
        "蒙a",
        "，",
        "ä",
        "password: ",
        "I can't ",
        "[CLS] token ",
        ".</s>",
        "&lt; ",
        "a <br> sign ",
        "1°2",
        "As an AI",
        "<think>",
        "select ",
        "+1 ",
        "é",
        "of 蒙",
        "(",
        "*",
        "，\n",
        "a\n",
        ". ",
        "sk-a",
    ],
)
def test_hostile_texts_take_no_longer_than_their_length_says(piece):
    for text in (piece * (60_000 // len(piece)), "a" + piece * (60_000 // len(piece)) + "蒙"):
        EVERY.check(Row(text[:20_000], text))

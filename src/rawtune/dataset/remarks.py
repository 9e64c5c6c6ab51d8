"""What a reader of a dataset's figures should know, in plain words, in English and in Chinese."""

from collections.abc import Mapping

FEW = 40
"""Distinct answers. Of 39 and fewer, a batch of eight rows holds some answer twice in more than half of all steps.

By the birthday problem (28 pairs of rows, each alike with a chance of 1 in 39: 1 - exp(-28 / 39) = 0.51). From there on
it is these texts rather than what they have in common that is learnt. A proposal, as is ``_REPEATED``.
"""
_REPEATED = 2
"""Rows an answer, on average, from which on they are many."""

_TEXTS = {
    "en": {
        "few_answers": "{rows} rows, {answers} answers: with so few texts to learn, the model will recite them, and a"
        " good score for other ways of asking says little; more passages help, more question forms do not",
        "phrasing_suite": "phrasing",
        "concept_suite": "concept",
        "empty": "no question of the {suite} suite: the comparison will not be able to show {what}",
        "few": "the {suite} suite asks about {passages}, fewer than {least}: the comparison will not be able to show"
        " with any certainty {what}",
        "passages": ("1 passage", "{} passages"),
        "phrasing": "whether what was trained is known when it is asked in other words",
        "concept": "what training does to answers about facts that were never trained",
    },
    "zh": {
        "few_answers": "{rows} 行数据，只有 {answers} 个不同的答案：可学的文本这么少，模型会把它们背下来，"
        "换个问法得到高分也说明不了什么；应当增加段落，而不是增加问法",
        "phrasing_suite": "换问法",
        "concept_suite": "新概念",
        "empty": "{suite}测试集没有问题：对比无法说明{what}",
        "few": "{suite}测试集只涉及 {passages}，少于 {least} 个：对比无法可靠地说明{what}",
        "passages": ("1 个段落", "{} 个段落"),
        "phrasing": "训练过的内容换个问法是否仍能答对",
        "concept": "训练对从未训练过的事实有何影响",
    },
}


def write(language: str, rows: int, answers: int, suites: Mapping[str, int], least: int) -> dict[str, str]:
    """Remarks by name; ``suites`` say about how many passages each asks, of which ``least`` are needed."""
    texts = _TEXTS[language]
    found = {}
    if answers < FEW and rows >= _REPEATED * answers:
        found["few_answers"] = str(texts["few_answers"]).format(rows=rows, answers=answers)
    for suite, passages in suites.items():
        if passages < least:
            form = str(texts["few" if passages else "empty"])
            counted = texts["passages"][passages != 1].format(passages)
            name = f"{suite}_suite"
            found[name] = form.format(suite=texts[name], passages=counted, least=least, what=texts[suite])
    return found

"""The pages of the faults that a reply can have: what each finds, why that harms, and raw replies.

Every reply under ``Bad:`` has the fault, the one under ``Good:`` has none, where the columns are ``content`` and
``summary`` and the worked example's answer is "A heron stands still in the water until a fish comes near." The tests
hold the parser to it.
"""

from collections.abc import Mapping
from inspect import cleandoc

FAULTS: Mapping[str, str] = {
    "RT110": cleandoc("""
        A column's key is missing from the reply.

        Which text is the question and which the answer would be a guess. Two keys may share a line only where both
        values are in quotes, as the second key could be words of the first value otherwise.

        Bad:
            content:"Meng"

        Bad:
            content: Meng summary: Meng is youth that asks.

        Bad:
            蒙卦象征启蒙。

        Good:
            summary:"Meng is youth that asks."
            content:"Meng"
        """),
    "RT111": cleandoc("""
        The reply has a key besides the two columns.

        A source, a comment or an interpretation is not part of the row. It is not dropped either: part of the answer
        may have gone there.

        Bad:
            content:"Meng"
            summary:"Meng is youth that asks."
            source:"The Book of Changes"

        Bad:
            {"content": "蒙卦", "summary": "蒙卦象征启蒙。", "备注": "仅供参考"}

        Bad:
            content:"蒙卦"
            summary:"蒙卦象征启蒙。"
            备注：以上内容仅供参考。

        Good:
            {"summary": "蒙卦象征启蒙。备注：卦辞为“亨”。", "content": "蒙卦"}
        """),
    "RT112": cleandoc("""
        A key stands in the reply twice.

        Most readers of JSON keep the last value without a word, so that a draft wins over the answer, or one row over
        another.

        Bad:
            {"content": "Meng", "summary": "Meng is folly.", "summary": "Meng is youth."}

        Bad:
            content:"蒙卦"
            summary:"蒙卦象征启蒙。"
            Summary："需卦象征等待。"

        Good:
            {"content": "Meng", "summary": "Meng is youth."}
        """),
    "RT113": cleandoc("""
        The reply was cut off.

        It reached the length limit, or a quote, a brace, a code fence or a thought is not closed. The model would
        learn to stop in the middle of a sentence.

        Bad:
            content:"Meng"
            summary:"Meng is a spring at the

        Bad:
            {"content": "蒙卦", "summary": "山下出泉

        Bad:
            <think>The passage is about Meng, so

        Bad:
            content:"Meng"
            summary:"Meng is youth, and he said "

        Good:
            content:"Meng"
            summary:"Meng is a spring at the foot of a mountain."
        """),
    "RT114": cleandoc("""
        The reply, or one of its values, is empty or a placeholder.

        Bad:
            content:"Meng"
            summary:""

        Bad:
            {"content": "蒙卦", "summary": "无"}

        Bad:
            {"content": "...", "summary": "..."}

        Good:
            {"content": "无", "summary": "“无”是天地之始。"}
        """),
    "RT115": cleandoc("""
        The teacher refuses, or the endpoint's filter withheld the reply.

        The refusal may also stand inside a well-formed row. The model would learn to refuse that question.

        Bad:
            I'm sorry, but I can't help with that.

        Bad:
            {"content": "蒙卦", "summary": "很抱歉，我无法回答这个问题。"}

        Bad:
            <think>Is this allowed?</think>
            As an AI language model, I have no opinion on this.

        Good:
            {"content": "Apology", "summary": "I am sorry for your loss: so one says to mourners."}
        """),
    "RT116": cleandoc("""
        The reply gives back the worked example of the prompt.

        White space, punctuation, quotes and case are left out of the comparison. The row would answer for a passage
        that it was not made from, and weak teachers do this for many passages.

        Bad:
            content:"Heron"
            summary:"A heron stands still in the water, until a fish comes near"

        Good:
            content:"Egret"
            summary:"An egret stands still in the water until a fish comes near."
        """),
    "RT117": cleandoc("""
        There is other text in the reply, and it cannot be told from the values.

        Prose around one JSON object, one code fence, or labelled text in quotes is left out, which is noted as a
        repair of the row. But a value without quotes ends nowhere, and of two objects one would have to be chosen.

        Bad:
            content: Meng
            summary: Meng is youth that asks.

            I hope this helps!

        Bad:
            {"content": "蒙卦", "summary": "象征启蒙。"}
            {"content": "需卦", "summary": "象征等待。"}

        Bad:
            content:"Meng"
            summary:"Meng" is youth, and "Xu" is waiting.

        Good:
            好的，结果如下：
            {"content": "蒙卦", "summary": "蒙卦象征启蒙。"}
            希望对你有帮助！
        """),
    "RT118": cleandoc("""
        A value is no plain text, or the reply is no JSON that could be read safely.

        An object or list as a value, or as the text of one, would be trained on with its braces. Trailing commas,
        full-width punctuation and bare line breaks are mended; a quote that nobody escaped is not, as it may end the
        value.

        Bad:
            {"content": "Meng", "summary": {"text": "Meng is youth."}}

        Bad:
            {"content": "蒙卦", "summary": "{\\"text\\": \\"蒙卦象征启蒙。\\"}"}

        Bad:
            {"content": "Meng", "summary": "Meng is "youth" that asks."}

        Good:
            ｛“content”：“蒙卦”，“summary”：“蒙卦象征启蒙。”，｝
        """),
}
"""Every fault's page by its code."""

"""The way of a teacher too small to write: it picks, under a schema, and rawtune stitches the answer from its picks.

Free text of a model of 135 million parameters copies and invents; choosing among the passage's own sentences works. So
every answer is made of sentences of its passage, and grounded by construction. What the model did not decide (no valid
pick) is marked as extracted, never as its work.
"""

import json
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rawtune.records import Message, Origin, Outcome, Parameters, Passage, Reply, Request, Severity, State
from rawtune.synthesis.prompt import Prompt
from rawtune.synthesis.write import Check, Conversation, synthesised

Choice = Generator[Request, Reply, str | None]

_UNIT = re.compile(r"[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*")
_LONGEST_HEADING = 60
_LONGEST_PHRASE = 4  # words
_PHRASES = 8
_NAMING = ("n", "an", "j", "b", "eng")  # how the tags of nouns begin, and of what stands before them


def pick(
    passage: Passage,
    sentences: Sequence[str],
    prompt: Prompt,
    *,
    teacher: str,
    model: str,
    parameters: Parameters,
    check: Check,
) -> Conversation:
    """Ask for one sentence an aspect; one that was chosen leaves the list. The picks, in reading order, are the answer.

    ``sentences`` are the passage's own. A first line without a full stop is its heading and names the concept;
    otherwise the teacher picks among the passage's most frequent phrases.
    """
    parameters = replace(parameters, temperature=0.0)
    keys: list[str] = []
    texts = prompt.texts["pick"]

    def choose(question: str, options: Sequence[str]) -> Choice:
        # Greedy decoding decides where the options diverge, so their openings bring the same pick for a third of the
        # tokens. The passage comes first: what is common to its questions stays in the model's prompt cache.
        by_opening = {opening(option, options): option for option in options}
        request = Request(
            model,
            (Message("system", texts["system"]), Message("user", f"{passage.text}\n\n{question}")),
            parameters,
            {
                "type": "object",
                "properties": {"choice": {"type": "string", "enum": list(by_opening)}},
                "required": ["choice"],
                "additionalProperties": False,
            },
        )
        reply = yield request
        keys.append(request.key)
        return by_opening.get(_choice(reply.text))

    body = list(dict.fromkeys(sentences))
    if heading := _heading(body):
        concept = heading
        body = body[1:] or body
    else:
        phrases = frequent_phrases(passage.text)
        concept = (yield from choose(texts["concept"], phrases)) or phrases[0]
    remaining = list(dict.fromkeys(sentence for sentence in body if _says_something(sentence))) or body[:1]
    picked: list[str] = []
    for aspect in texts["aspects"]:
        if not remaining:
            break
        question = texts["sentence"].format(aspect=aspect.format(concept=concept))
        sentence = yield from choose(question, remaining)
        if sentence:
            picked.append(sentence)
            remaining = [other for other in remaining if other != sentence]
    origin = Origin.PICKED if picked else Origin.EXTRACTED
    chosen = picked or remaining[: len(texts["aspects"])]
    separator = "" if prompt.language == "zh" else " "
    answer = separator.join(sentence for sentence in body if sentence in chosen)
    findings = tuple(check(concept, answer, passage))
    if faults := [finding.message for finding in findings if finding.severity is Severity.ERROR]:
        return Outcome(passage.id, State.QUARANTINED, findings=findings, reason="; ".join(faults), replies=tuple(keys))
    example = synthesised(passage, concept, answer, origin, teacher, prompt)
    return Outcome(passage.id, State.KEPT, example, findings, replies=tuple(keys))


def opening(option: str, options: Sequence[str]) -> str:
    """The shortest beginning of an option, in whole words or Chinese characters, that no other option has."""
    others = [other for other in options if other != option]
    for unit in _UNIT.finditer(option):
        beginning = option[: unit.end()].rstrip()
        if not any(other.startswith(beginning) for other in others):
            return beginning
    return option


def frequent_phrases(text: str) -> list[str]:
    """Phrases that could name what a text is about, most frequent first; never empty.

    Runs of words that begin with a capital letter (or, failing those, long words), and in Chinese runs of nouns.
    """
    counts: dict[str, int] = Counter(_chinese_nouns(text)) if re.search(r"[\u4e00-\u9fff]", text) else {}
    word = r"[A-Z][\w'-]*"
    for run in re.findall(rf"(?<![.!?] )(?<!^){word}(?: {word}){{0,{_LONGEST_PHRASE - 1}}}", text, re.MULTILINE):
        counts[run] = counts.get(run, 0) + 2 * len(run.split())
    if not counts:
        for run in re.findall(r"\w{5,}", text.lower()):
            counts[run] = counts.get(run, 0) + 1
    ranked = sorted(counts, key=lambda phrase: (-counts[phrase], text.lower().find(phrase.lower())))
    return ranked[:_PHRASES] or [text.strip()[:_LONGEST_HEADING]]


def _chinese_nouns(text: str) -> Iterator[str]:
    import rjieba  # its dictionary takes a second to load

    for naming, words in groupby(rjieba.tag(text), key=lambda word: word[1].startswith(_NAMING)):
        run = "".join(word for word, _ in words)
        if naming and re.fullmatch(r"[\u4e00-\u9fff]{2,12}", run):
            yield run


def _heading(sentences: Sequence[str]) -> str:
    first = sentences[0] if len(sentences) > 1 else ""
    is_heading = len(first) <= _LONGEST_HEADING and not re.search(r"[。！？.!?；;，,：:]$", first)
    return first.strip("#*= 【】") if is_heading else ""


def _says_something(sentence: str) -> bool:
    """Long enough to answer anything, and closed like a statement: list labels, fragments, questions are no answers."""
    return len(re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+", sentence)) >= 5 and bool(
        re.search(r"[。！.!][\"”’」』）)\]]*$", sentence)
    )


def _choice(text: str) -> str:
    try:
        return str(json.loads(text)["choice"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

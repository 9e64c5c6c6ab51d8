"""RT6xx: question templates that do not suit every concept that they are filled with."""

from collections.abc import Iterator

from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.seen import Seen, template


@rule("RT601", "one-concepts-word", Scope.ROWS)
def one_concepts_word(row: Row, seen: Seen) -> Iterator[Spot]:
    """A question whose template was made for another concept: it asks about what that one's text alone speaks of.

    Such a template ("what has {} to do with education?") has no answer for the concepts that it is filled with.

    Bad:
        蒙卦与教育有何关系？ | 蒙卦说的是教育童蒙，启发蒙昧。 | 蒙卦
        屯卦与教育有何关系？ | 屯卦说的是万物初生时的艰难。 | 屯卦
        需卦与教育有何关系？ | 需卦说的是等待时机，饮食宴乐。 | 需卦
        师卦与教育有何关系？ | 师卦说的是用兵的道理。 | 师卦
    Good:
        蒙卦是什么？ | 蒙卦说的是教育童蒙，启发蒙昧。 | 蒙卦
        屯卦是什么？ | 屯卦说的是万物初生时的艰难。 | 屯卦
        需卦是什么？ | 需卦说的是等待时机，饮食宴乐。 | 需卦
        师卦是什么？ | 师卦说的是用兵的道理。 | 师卦
    """
    if not seen.misfits:
        return
    group = seen.group(row)
    word, owner = seen.misfits.get(template(row, group), ("", ""))
    if word and owner not in group.concepts and word not in row.answer.casefold():
        at = max(0, row.question.casefold().find(word))
        yield Spot(f"asks about '{word}', of which only '{owner}' speaks", Column.QUESTION, at, at + len(word))

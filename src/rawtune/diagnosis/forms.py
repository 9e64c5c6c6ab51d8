"""The form of answers as they are written: by which marks they begin and end.

Where most answers are sentences, one in braces is odd, and one behind whose full stop a quotation mark is left. That
alone is no fault, as a text may end with a bracket; but it tells more of an answer whose form was hard to learn, too.
"""

import re
from collections import Counter
from collections.abc import Mapping

ODD = 2.0
"""Deviations that it weighs if a text is not what it should be."""
_RARE = 0.5
"""The share of the commonest form's answers that those of an odd one do not exceed."""
_MARKS = re.compile(r"([\W_]*)(?:.*[^\W_])?([\W_]*)", re.DOTALL)


def odd_forms(answers: Mapping[int, str]) -> set[int]:
    """The rows whose answers have other marks before the first letter, or behind the last, than most others have."""
    forms = {row: found.groups() for row, answer in answers.items() if (found := _MARKS.fullmatch(answer.strip()))}
    times = Counter(forms.values())
    most = max(times.values(), default=0)
    return {row for row, form in forms.items() if times[form] <= _RARE * most}

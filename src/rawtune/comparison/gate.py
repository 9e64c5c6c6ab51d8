"""Whether a comparison is good enough to let a build pass."""

from collections.abc import Collection, Mapping
from typing import Any

NOT_SHOWN = "not shown"


def reasons(report: Mapping[str, Any], allowed: Collection[str]) -> list[str]:
    """Why the report's primary arm does not pass: a verdict other than better, and each sign of harm that is raised.

    ``allowed`` names signs, and ``not shown``, that are let pass; a verdict of worse never is.
    """
    found = []
    verdict = report["verdict"]
    if verdict != "better" and not (verdict == NOT_SHOWN and NOT_SHOWN in allowed):
        found.append(f"{verdict}: {report['sentence']}")
    (arm,) = (arm for arm in report["arms"] if arm["name"] == report["primary"])
    found += [
        f"{sign['name']}: {sign['sentence']}" for sign in arm["harm"] if sign["flagged"] and sign["name"] not in allowed
    ]
    return found

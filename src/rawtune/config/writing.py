"""A rawtune.yaml written: every setting, with what it is for beside it."""

from typing import Any

from rawtune.config.recipes import DECIDED, RECIPES
from rawtune.config.settings import Config, Section


def commented(**settings: Any) -> str:
    """A whole rawtune.yaml: every setting with its default or what ``settings`` gives, and what it is for beside it.

    A section is given as a dict of the settings in it; what the recipe of training decides is commented out. Written
    from the models above, so that it cannot disagree with them.
    """
    lines = [
        "# Every setting, with its default; lines may be left out. Keys come from the environment, never from here."
    ]
    for name, field in Config.model_fields.items():
        section = field.default
        if not isinstance(section, Section):
            lines.append(_entry(name, settings.get(name, section), field.description))
            continue
        given = settings.get(name, {})
        lines += ["", f"# {(type(section).__doc__ or '').strip()}", f"{name}:"]
        by_recipe = RECIPES[given.get("recipe", "seed")] if name == "training" else {}
        for inner, value in type(section).model_fields.items():
            # What a recipe decides must not be set beside it, but shall be seen.
            mark = "# " if name == "training" and inner in DECIDED - given.keys() else ""
            shown = given.get(inner, by_recipe.get(inner, value.default))
            lines.append(_entry(f"  {mark}{inner}", shown, value.description))
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any, description: str | None) -> str:
    import json

    shown = value if isinstance(value, str) and _is_plain(value) else json.dumps(value, ensure_ascii=False)
    entry = f"{name}: {shown}"
    return f"{entry:<39} # {description}" if description else entry


def _is_plain(text: str) -> bool:
    """Whether YAML reads this text as itself without quotes."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return bool(YAML(typ="safe").load(text) == text)
    except YAMLError:
        return False

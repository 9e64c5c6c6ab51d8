"""rawtune.yaml read: all faults reported at once, each with its line."""

from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from rawtune.config.settings import Config, Prompt, Section, Teacher
from rawtune.errors import ConfigError, UsageError

FILE_NAME = "rawtune.yaml"


def load(folder: Path) -> Config:
    """Read ``folder/rawtune.yaml``.

    Raises ``UsageError`` if there is none, ``ConfigError`` listing every fault with its line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(
            f"no {FILE_NAME} in {folder}", "go to a project folder, or make one with: rawtune init NAME"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})", "save the file as UTF-8") from error
    try:
        tree = YAML().load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem}", "mend the YAML at this line") from error
    except YAMLError as error:
        raise ConfigError(f"{path}: {error}", "mend the YAML") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds no settings", "the least is one line: name: my-project")
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        faults = [f"{path}:{_line(tree, fault['loc'])}: {_explain(fault)}" for fault in error.errors()]
        raise ConfigError("\n".join(faults), "the documented settings are in docs/configuration.md") from error


def replaced(config: Config, model: str | None, task: str | None) -> Config:
    """``config`` with another teacher or task; raises ``UsageError`` for a model that cannot be."""
    teacher, prompt = config.teacher, config.prompt
    try:
        if model:
            # Another model has its own price, and its own key and address if it is of another kind.
            moved = model.partition(":")[0] != teacher.model.partition(":")[0]
            dropped = {"price": None, **({"base_url": None, "api_key_env": None} if moved else {})}
            teacher = Teacher.model_validate({**teacher.model_dump(), **dropped, "model": model})
        if task:
            prompt = Prompt.model_validate({**prompt.model_dump(), "task": task})
    except ValidationError as error:
        raise UsageError(
            "\n".join(_explain(fault) for fault in error.errors()), "write it as in rawtune.yaml"
        ) from None
    return config.model_copy(update={"teacher": teacher, "prompt": prompt})


def _line(tree: Any, location: tuple[int | str, ...]) -> int:
    """The 1-based line of a setting, or of the nearest section around it that the file holds."""
    line = 0
    for step in location:
        if not hasattr(tree, "lc"):
            break
        try:
            line = tree.lc.key(step)[0] if isinstance(step, str) else tree.lc.item(step)[0]
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            break
    return line + 1


def _explain(fault: Any) -> str:
    name = ".".join(str(step) for step in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{name}'{_suggest(fault['loc'])}"
    if fault["type"] == "missing":
        return f"'{name}' is missing"
    # A rule about several settings of a section was given the section: the settings are named in what it says.
    several = fault["type"] == "value_error" and isinstance(fault["input"], dict)
    found = "" if several else f" (found {fault['input']!r})"
    return f"'{name}': {fault['msg'].removeprefix('Value error, ')}{found}"


def _suggest(location: tuple[int | str, ...]) -> str:
    from difflib import get_close_matches

    section: type[Section] | None = Config
    for step in location[:-1]:
        field = section.model_fields.get(str(step)) if section else None
        types = (field.annotation, *get_args(field.annotation)) if field else ()
        section = next((kind for kind in types if isinstance(kind, type) and issubclass(kind, Section)), None)
    known = list(section.model_fields) if section else []
    close = get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known here: {', '.join(known)}" if known else ""

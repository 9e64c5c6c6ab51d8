"""The documents hold what they promise: the map is the tree, the commands exist, the settings are the settings."""

import re
import runpy
import subprocess
from pathlib import Path

import click
import pytest

from rawtune import config
from rawtune.cli import VERBS, app

ROOT = Path(__file__).parent.parent
README = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def mapped(readme: Path) -> set[str]:
    """The files of src/rawtune that the map names: a line is an indented name, then its caption."""
    found, folders = set(), []
    block = re.search(r"```\nsrc/rawtune/\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert block, f"{readme.name} has no map"
    for line in block[1].splitlines():
        indent = (len(line) - len(line.lstrip())) // 2
        name, caption = re.split(r"\s{2,}", line.strip(), maxsplit=1)
        assert caption, line
        folders = folders[: indent - 1]
        if name.endswith("/"):
            folders.append(name)
        else:
            found.add("".join(folders) + name)
    return found


@pytest.mark.parametrize("language", README)
def test_map_and_tree_agree(language: str) -> None:
    tree = {
        path.relative_to(ROOT / "src/rawtune").as_posix()
        for path in (ROOT / "src/rawtune").rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }
    assert mapped(README[language]) == tree


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    commands = [
        *re.findall(r"^rawtune ([a-z-]+)([^#\n]*)", fenced, re.MULTILINE),
        *re.findall(r"`rawtune ([a-z-]+)([^`\n]*)`", text),
    ]
    for verb, arguments in commands:
        assert verb in VERBS, f"{document.name}: rawtune {verb}"
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        options = {name for parameter in command.params for name in parameter.opts}
        for option in re.findall(r"--[a-z-]+", arguments):
            assert option in options, f"{document.name}: rawtune {verb} {option}"
    if document in README.values():
        assert {verb for verb, _ in commands} >= set(VERBS) - {"demo"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_are_there(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert re.match(r"https?:", target) or (document.parent / target).exists(), target


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README["en"].read_text(encoding="utf-8"), re.MULTILINE):
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("name", ["configuration.md", "configuration.zh-CN.md"])
def test_documented_settings_are_the_settings(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert f"```yaml\n{config.commented(name='my-project')}```" in text


def test_pages_of_the_rules_are_their_docstrings() -> None:
    markdown = runpy.run_path(str(ROOT / "docs/rules.py"))["markdown"]()
    assert (ROOT / "docs/rules.md").read_text(encoding="utf-8") == markdown, "run: python docs/rules.py > docs/rules.md"


def test_the_chinese_table_names_every_rule_as_it_is() -> None:
    severities = {"错误": "error", "警告": "warning", "返回": "reply"}
    text = (ROOT / "docs/rules.zh-CN.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (RT\d{3}) \| ([a-z-]+) \| (\S+) \| (是)? ?\| \S+.* \|$", text, re.MULTILINE)
    entries = runpy.run_path(str(ROOT / "docs/rules.py"))["entries"]()
    listed = [(code, name, severities[level], bool(fixable)) for code, name, level, fixable in lines]
    assert listed == [(entry.code, entry.name, entry.severity, entry.fixable) for entry in entries]


def test_every_document_has_its_twin() -> None:
    for document in DOCUMENTS:
        if document.name != "CHANGELOG.md":
            english = document.name.replace(".zh-CN", "")
            assert (document.parent / english).exists()
            assert (document.parent / english.replace(".md", ".zh-CN.md")).exists()


def test_no_file_is_tracked_that_should_not_be() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\.(gguf|safetensors|sqlite|pyc)$", listed, re.MULTILINE)


def test_every_verb_has_help() -> None:
    for verb in VERBS:
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        assert command.help
        for option in command.params:
            assert isinstance(option, click.Argument) or getattr(option, "help", None), f"{verb} {option.name}"

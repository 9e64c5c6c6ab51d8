"""The Python interface of the README, on a scripted teacher and a real, tiny student."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
from ruamel.yaml import YAML
from tests.tiny_model import make_tiny_model

import rawtune
from rawtune import config, pipeline, project
from rawtune.errors import ConfigError, EndpointDown, GateFailed, RawTextError, UsageError
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import State

TEXT = "\n\n".join(
    f"{name}\n{name}讲的是{image}。{name}劝人{advice}。"
    for name, image, advice in [
        ("乾卦", "天", "自强不息"),
        ("坤卦", "地", "厚德载物"),
        ("屯卦", "草木初生", "先立秩序"),
        ("蒙卦", "山下的泉水", "主动求教"),
    ]
)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("student") / "tiny")


def make(folder: Path, text: str = TEXT, **settings: object) -> Path:
    source = folder / "book.txt"
    source.write_text(text, encoding="utf-8")
    made = project.create(folder / "book", source=source)
    configure(made, teacher__model="scripted:", **settings)
    return made


def configure(folder: Path, **settings: object) -> None:
    path, yaml = folder / config.FILE_NAME, YAML()
    tree = yaml.load(path)
    for name, value in settings.items():
        section, _, key = name.rpartition("__")
        (tree[section] if section else tree)[key] = value
    yaml.dump(tree, path)


def test_the_readmes_ten_lines(tmp_path: Path, student: Path) -> None:
    folder = make(
        tmp_path,
        student=str(student),
        training__epochs=1,
        training__batch_size=32,
        comparison__max_new_tokens=4,
        passages__held_out=0.25,
    )
    with rawtune.open(folder) as opened:
        assert opened.read() == {
            "files": 1,
            "passages": 4,
            "train_passages": 3,
            "held_out_passages": 1,
            "near_duplicates": 0,
            "near_duplicate_groups": 0,
        }
        assert opened.attempt(3).outcome.state is State.KEPT
        assert opened.synthesise()["kept"] == 4
        assert opened.augment()["train_rows"] == 60
        dataset = opened.export()
        assert dataset.read_text(encoding="utf-8-sig").startswith("content,summary\n")
        adapter = opened.train()
        assert (adapter / "loss.png").read_bytes().startswith(b"\x89PNG")
        report = opened.compare()
        assert report.name == "report.html"
        assert all(state.current for state in opened.status())
        assert opened.run() == []
    found = json.loads((folder / "reports" / "report.json").read_text(encoding="utf-8"))
    assert found["verdict"] == "not shown"


def test_a_product_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with rawtune.open(folder) as opened:
        opened.run("export")
        dataset = opened.export()
        assert opened.export() == dataset, "a current dataset is not written again"
        dataset.unlink()
        (stale,) = [state for state in opened.status() if state.name == "export"]
        assert stale.reasons == (f"datasets/{dataset.name} is gone",)
        assert opened.run("export") == ["export"]


def test_two_exports_within_a_second_are_two_datasets(tmp_path: Path) -> None:
    with rawtune.open(make(tmp_path)) as opened:
        first = opened.export()
        pipeline.run_stage(opened._work, "export")
        assert opened.export() != first
    assert len(list((tmp_path / "book" / "datasets").glob("*_??????.csv"))) == 2


def test_a_stage_behind_a_stale_one_is_stale(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with rawtune.open(folder) as opened:
        opened.run("export")
    (folder / "raw" / "more.txt").write_text("需卦\n需卦讲的是等待。需卦劝人从容。", encoding="utf-8")
    with rawtune.open(folder) as opened:
        reasons = {state.name: state.reasons for state in opened.status()}
    assert reasons["read"] == ("raw/more.txt new",)
    assert reasons["augment"] == ("read comes first",)


def test_the_held_out_split_is_frozen_when_text_is_added(tmp_path: Path) -> None:
    folder = make(tmp_path, passages__held_out=0.25)

    def held_out() -> set[str]:
        with rawtune.open(folder) as opened:
            opened.run("augment")
            passages = opened._work.ledger.passages()
        return {passage.text for passage in passages if passage.split == "held_out"}

    before = held_out()
    (folder / "raw" / "a.txt").write_text("\n\n".join(f"卦{i}\n卦{i}讲的是第{i}件事。" for i in range(12)), "utf-8")
    after = held_out()
    assert before < after
    assert len(after) == 4


def test_everything_in_quarantine_fails_the_gate_and_is_listed(tmp_path: Path) -> None:
    folder = make(tmp_path, text="甲\n他说“好。\n\n乙\n她说“不。")
    with rawtune.open(folder) as opened:
        with pytest.raises(GateFailed):
            opened.run("synthesise")
        listed = list(opened.quarantine())
    assert [entry["state"] for entry in listed] == ["quarantined", "quarantined"]
    assert listed[0]["source"] == "raw/book.txt:0-7"
    assert listed[0]["reply"].startswith('content:"甲"')


def test_rows_that_a_failed_run_took_away_are_made_again(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with rawtune.open(folder) as opened:
        opened.run("export")
    address = "http://127.0.0.1:9/v1"
    configure(folder, teacher__model="openai:x", teacher__base_url=address, teacher__attempts=1)
    with rawtune.open(folder) as opened, pytest.raises(EndpointDown):
        opened.run("export")
    configure(folder, teacher__model="scripted:", teacher__base_url=None)
    with rawtune.open(folder) as opened:
        assert "synthesise" in opened.run("export")
        assert len(opened._work.ledger.synthesised()) == 4


def test_the_pilots_gate_holds_when_run_again(tmp_path: Path) -> None:
    folder = make(tmp_path, text="\n\n".join(f"甲{i}\n他说“好{i}。" for i in range(9)))
    for _ in range(2):
        with rawtune.open(folder) as opened, pytest.raises(GateFailed, match="pilot"):
            opened.run("synthesise")
    with rawtune.open(folder) as opened:
        assert len(list(opened.quarantine())) == 3


def test_a_bad_template_file_is_known_before_the_teacher_is_asked(tmp_path: Path) -> None:
    folder = make(tmp_path, augmentation__templates="missing.yaml")
    with rawtune.open(folder) as opened, pytest.raises(ConfigError, match=r"missing\.yaml"):
        opened.run("export")
    with rawtune.open(folder) as opened:
        assert opened._work.ledger.spent() == (0, None)


def test_other_files_in_raw_are_named(tmp_path: Path) -> None:
    class Lines(Silent):
        said: ClassVar[list[str]] = []

        def say(self, line: str) -> None:
            self.said.append(line)

    folder = make(tmp_path)
    (folder / "raw" / "B.TXT").touch()
    (folder / "raw" / "c.md").touch()
    with rawtune.open(folder, Lines()) as opened:
        opened.read()
    assert any("B.TXT, c.md" in line for line in Lines.said)


def test_another_address_is_another_teacher(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with rawtune.open(folder) as opened:
        opened.run("synthesise")
    configure(folder, teacher__base_url="http://127.0.0.1:1/v1")
    with rawtune.open(folder) as opened:
        assert not opened.status()[1].current
        opened.run("synthesise")
        assert opened._work.ledger.spent()[0] == 8


def test_training_again_with_other_settings_keeps_the_first_adapter(tmp_path: Path, student: Path) -> None:
    settings = {"student": str(student), "training__batch_size": 32, "training__epochs": 1}
    folder = make(tmp_path, **settings)
    with rawtune.open(folder) as opened:
        opened.run("export")
        first = opened.train()
    path = folder / config.FILE_NAME
    path.write_text(path.read_text(encoding="utf-8").replace("rank: 16", "rank: 4"), encoding="utf-8")
    with rawtune.open(folder) as opened:
        second = opened.train()
    assert second.name == f"{first.name}-2"
    assert (first / "adapter_model.safetensors").exists()


def test_create_refuses_what_would_be_lost(tmp_path: Path) -> None:
    (tmp_path / "full" / "raw").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds a project"):
        project.create(tmp_path / "full")
    with pytest.raises(UsageError, match="no example 'none'"):
        project.create(tmp_path / "new", example="none")
    with pytest.raises(UsageError, match="no such file"):
        project.create(tmp_path / "new", source=tmp_path / "missing.txt")
    (tmp_path / "book.docx").touch()
    with pytest.raises(UsageError, match=r"not a \.txt file"):
        project.create(tmp_path / "new", source=tmp_path / "book.docx")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Warranty\n几天可以退货？七天。".encode("gbk"), r"guide\.txt:2: not UTF-8 .*iconv -f GB18030 -t UTF-8"),
        ("七天".encode("utf-16"), r"guide\.txt:1: not UTF-8 .*iconv -f UTF-16 -t UTF-8"),
        (b"", r"guide\.txt: is empty"),
        (b"\n \n", r"guide\.txt: is empty"),
    ],
)
def test_create_refuses_a_text_that_could_not_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "guide.txt").write_bytes(data)
    with pytest.raises(RawTextError, match=message):
        project.create(tmp_path / "new", source=tmp_path / "guide.txt")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "expected"), [("my book", "my-book"), ("周易", "周易"), (".hidden", "hidden"), ("---", "project")]
)
def test_any_folder_name_gives_a_project_that_opens(tmp_path: Path, name: str, expected: str) -> None:
    with Project(project.create(tmp_path / name)) as opened:
        assert opened.config.name == expected


def test_a_project_may_be_made_around_the_users_files(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / ".gitignore").write_text("mine\n")
    project.create(tmp_path, source=tmp_path / "book.txt")
    assert (tmp_path / "raw" / "book.txt").exists()
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_language_follows_the_text(tmp_path: Path) -> None:
    assert config.load(project.create(tmp_path / "zh", example="zhouyi-zh")).language == "zh"
    assert config.load(project.create(tmp_path / "en", example="zhouyi-en")).language == "en"


def test_public_names() -> None:
    assert rawtune.__all__ == ["Project", "open"]
    assert rawtune.Project is Project
    with pytest.raises(AttributeError):
        rawtune.nothing  # noqa: B018

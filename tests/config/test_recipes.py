import pytest
from ruamel.yaml import YAML

from rawtune import config
from rawtune.config import Training
from rawtune.config.recipes import DECIDED, RECIPES


def test_the_first_recipe_is_the_defaults() -> None:
    seed = Training(recipe="seed")
    assert seed == Training()
    assert (seed.rank, seed.alpha, seed.dropout, seed.learning_rate, seed.warmup) == (16, 32, 0.05, 1e-3, 0.1)
    assert (seed.batch_size, seed.epochs, seed.max_input_tokens, seed.max_output_tokens) == (8, 3, 512, 1536)


def test_recipes_decide_what_is_not_given() -> None:
    t4 = Training(recipe="t4", rank=8)
    assert (t4.quantise, t4.micro_batch_size, t4.gradient_checkpointing, t4.rank) == ("nf4", 1, True, 8)
    assert Training(recipe="t4", quantise="none", micro_batch_size=2).quantise == "none"
    assert Training(recipe="tiny-data").epochs < Training().epochs
    assert Training.model_validate(t4.model_dump()) == t4


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="'seed', 't4', 'gpu24', 'cpu' or 'tiny-data'"):
        Training(recipe="a100")


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_written_file_leaves_the_decision_to_the_recipe(recipe: str) -> None:
    text = config.commented(name="x", training={"recipe": recipe, "batch_size": 4})
    section = YAML(typ="safe").load(text)["training"]
    assert not (DECIDED - {"batch_size"}) & section.keys()
    loaded = Training.model_validate(section)
    assert loaded == Training(recipe=recipe, batch_size=4)
    shown = "\n".join(line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in text.splitlines())
    assert Training.model_validate(YAML(typ="safe").load(shown)["training"]) == loaded  # the values beside the marks

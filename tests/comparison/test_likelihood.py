from collections import Counter

import pytest
import torch
from tests.tiny_model import make_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from rawtune.comparison.likelihood import choose, general, spread


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def encoded(tokenizer, language="en", count=12):
    return [
        (
            tokenizer.apply_chat_template(
                [{"role": "user", "content": item.question}], add_generation_prompt=True, return_dict=False
            ),
            [tokenizer(option, add_special_tokens=False)["input_ids"] for option in item.options],
        )
        for item in general(language)[:count]
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_general_suite_is_whole_and_balanced(language):
    items = general(language)
    assert len(items) == 60
    assert len({item.question for item in items}) == 60
    assert all(len(set(item.options)) == 4 and all(map(str.strip, item.options)) for item in items)
    assert set(Counter(item.right for item in items).values()) == {15}
    assert set(Counter(item.subject for item in items).values()) == {12}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_longest_option_is_not_a_way_to_guess(language):
    longest = sum(
        len(item.options[item.right]) > max(map(len, set(item.options) - {item.options[item.right]}))
        for item in general(language)
    )
    assert longest <= 20


def test_the_likeliest_option_is_chosen_by_its_mean(tiny):
    model, tokenizer = tiny
    items = encoded(tokenizer, count=4)
    expected = []
    for prompt, options in items:
        means = []
        for option in options:
            whole = torch.tensor([[*prompt, *option]])
            with torch.inference_mode():
                loss = model(input_ids=whole, labels=torch.tensor([[-100] * len(prompt) + option])).loss
            means.append(-float(loss))
        expected.append(means.index(max(means)))
    assert choose(model, tokenizer, items) == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_item_leaves_nothing_behind_for_the_next(tiny, language):
    model, tokenizer = tiny
    items = encoded(tokenizer, language)
    alone = choose(model, tokenizer, items)
    assert choose(model, tokenizer, items[::-1]) == alone[::-1]
    assert [choose(model, tokenizer, [item])[0] for item in items] == alone


def test_some_items_are_taken_from_all_subjects():
    items = general("zh")
    assert spread(items, 60) == spread(items, 100) == items
    assert Counter(item.subject for item in spread(items, 10)) == dict.fromkeys({i.subject for i in items}, 2)


def test_of_equal_options_the_first_is_chosen(tiny):
    model, tokenizer = tiny
    assert choose(model, tokenizer, [([5, 6], [[7], [7]])]) == [0]
    assert choose(model, tokenizer, []) == []


def test_an_option_without_tokens_is_refused(tiny):
    model, tokenizer = tiny
    with pytest.raises(ValueError, match="without tokens"):
        choose(model, tokenizer, [([5, 6], [[7], []])])

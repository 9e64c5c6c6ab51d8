import socket
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price, data_snapshot
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from rawtune.config import Price
from rawtune.llm.prices import price_of, version


@pytest.fixture
def table():
    """Put one model, ``m`` at https://api.example.com, in the place of the library's table."""

    def use(prices):
        model = ModelInfo("m", ClauseEquals("m"), prices=prices)
        provider = Provider("example", "Example", r"https://api\.example\.com", models=[model])
        data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([provider], from_auto_update=False))
        return price_of("m", "https://api.example.com/v1")

    yield use
    data_snapshot.set_custom_snapshot(None)


def test_a_model_of_openai_costs_what_the_library_says():
    price = price_of("gpt-4o-mini", None)
    cost = calc_price(Usage(input_tokens=1000, output_tokens=10), "gpt-4o-mini", provider_id="openai").total_price
    assert price.currency == "USD"
    assert (1000 * price.input + 10 * price.output) / 1e6 == pytest.approx(float(cost))
    assert cost > 0


@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("deepseek-chat", "https://api.deepseek.com/v1"),
        ("openai/gpt-4o-mini", "https://openrouter.ai/api/v1"),
        ("gpt-4o-mini", "https://API.OpenAI.com/v1/"),
        ("gpt-4o-mini", "https://mine.openai.azure.com/openai/v1"),
    ],
)
def test_an_address_in_the_table_has_a_price(model, base_url):
    price = price_of(model, base_url)
    assert price.input > 0
    assert price.output > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-sonnet-4-5"),
        ("google_genai", "gemini-2.5-flash"),
        ("mistralai", "mistral-small-latest"),
        ("bedrock_converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ],
)
def test_langchain_providers_are_known_by_their_names(provider, model):
    assert price_of(model, None, provider).output > 0
    assert price_of(model, None) is None  # it is not OpenAI's


@pytest.mark.parametrize(
    ("model", "base_url", "provider"),
    [
        ("gpt-unheard-of", None, None),
        ("通义千问", None, None),
        ("gpt-4o-mini", "https://proxy.example.com/v1", None),
        ("gpt-4o-mini", "https://proxy.example.com/v1", "openai"),  # the address decides, not the provider
        ("llama3", None, "ollama"),
        ("sonar", "https://api.perplexity.ai", None),  # charges for each request, too
        ("qwen/qwen3-coder:free", "https://openrouter.ai/api/v1", None),  # listed without a price
    ],
)
def test_what_the_table_does_not_know_has_no_price(model, base_url, provider):
    assert price_of(model, base_url, provider) is None


OWN = [
    "http://localhost:8000/v1",
    "http://127.0.0.1:11434/v1",
    "http://[::1]:8000/v1",
    "http://192.168.1.7/v1",
    "http://teacher:8000/v1",
]


@pytest.mark.parametrize("base_url", OWN)
def test_an_endpoint_of_ones_own_has_no_price(base_url):
    assert price_of("gpt-4o-mini", base_url) is None


def test_the_table_is_not_loaded_for_an_endpoint_of_ones_own():
    code = f"""
import sys
from rawtune.llm.prices import price_of
assert not any(price_of("gpt-4o-mini", base_url) for base_url in {OWN})
sys.exit("genai_prices" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_long_prompts_are_charged_at_the_base_price(table):
    tiered = TieredPrices(Decimal("3"), [Tier(200_000, Decimal("6"))])
    assert table(ModelPrice(input_mtok=tiered, output_mtok=Decimal("15"))) == Price(input=3, output=15)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (9, 17), (23, 0)])
def test_the_dearest_hour_is_charged(table, start, end):
    night = ModelPrice(input_mtok=Decimal("0.1"), output_mtok=Decimal("0.5"))
    day = ModelPrice(input_mtok=Decimal("0.2"), output_mtok=Decimal("1"))
    now = datetime.now(UTC)
    hours = TimeOfDateConstraint(
        now.replace(hour=start, minute=0, second=0, microsecond=0).timetz(),
        now.replace(hour=end, minute=0, second=0, microsecond=0).timetz(),
    )
    assert table([ConditionalPrice(prices=night), ConditionalPrice(hours, prices=day)]) == Price(input=0.2, output=1)
    assert table([ConditionalPrice(prices=day), ConditionalPrice(hours, prices=night)]) == Price(input=0.2, output=1)


def test_the_price_of_today_holds(table):
    def priced(amount):
        return ModelPrice(input_mtok=Decimal(amount), output_mtok=Decimal(amount))

    past = StartDateConstraint(datetime(2020, 1, 1, tzinfo=UTC).date())
    future = StartDateConstraint(datetime(9999, 1, 1, tzinfo=UTC).date())
    prices = [
        ConditionalPrice(prices=priced(9)),
        ConditionalPrice(past, prices=priced(2)),
        ConditionalPrice(future, prices=priced(7)),
    ]
    assert table(prices) == Price(input=2, output=2)


def test_a_price_of_nothing_is_a_price(table):
    assert table(ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0))) == Price(input=0, output=0)


def test_half_a_price_is_none(table):
    assert table(ModelPrice(input_mtok=Decimal(1))) is None


def test_every_model_of_the_table_can_be_asked_for():
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models[:5]:
            price = price_of(model.id, None, provider.id)
            assert price is None or price.input >= 0


def test_nothing_is_fetched(monkeypatch):
    def refuse(*_):
        raise AssertionError("a look at the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert price_of("gpt-4o-mini", None)
    assert not data_snapshot.get_snapshot().from_auto_update


def test_the_table_has_a_name():
    name, number = version().split()
    assert name == "genai-prices"
    assert number[0].isdigit()

"""What a teacher's tokens cost, by the table inside the library genai-prices; nothing is fetched."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version as installed
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rawtune.config import Price

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_HALF_HOURS = [timedelta(minutes=30 * count) for count in range(48)]


def price_of(model: str, base_url: str | None, provider: str | None = None) -> Price | None:
    """USD per million prompt and reply tokens of ``model``, named as its endpoint names it.

    The endpoint is ``base_url``, else that of ``provider`` (LangChain's name, such as ``anthropic``), else OpenAI's
    own. The price is the one in force today (UTC), without the surcharge on prompts far longer than any passage; where
    it changes with the hour it is the dearest, as a budget must hold at every hour. None for an endpoint of one's own,
    for what the table does not know, and for a model that charges for each call as well as for tokens.
    """
    if base_url and _is_of_ones_own(base_url):
        return None

    from genai_prices import Usage, calc_price

    try:
        if base_url:
            found = calc_price(Usage(), model, provider_api_url=base_url.lower()).model
        else:
            found = calc_price(Usage(), model, provider_id=provider or "openai").model
    except LookupError:
        return None
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    prices = filter(None, (_flat(found.get_prices(today + time)) for time in _HALF_HOURS))
    return max(prices, key=lambda price: (price.output, price.input), default=None)


def version() -> str:
    """The table's name, such as ``genai-prices 0.2.3``."""
    return f"genai-prices {installed('genai-prices')}"


def _flat(prices: "ModelPrice") -> Price | None:
    from genai_prices.types import TieredPrices

    charged = (prices.input_mtok, prices.output_mtok)
    # The table also lists models without any price: that is not known to mean that they are free.
    if None in charged or prices.requests_kcount:
        return None
    prompt, reply = (price.base if isinstance(price, TieredPrices) else price for price in charged)
    return Price.model_validate({"input": prompt, "output": reply})


def _is_of_ones_own(base_url: str) -> bool:
    """Whether the host has no public name: ``localhost``, a machine of this network, a bare address."""
    host = urlsplit(base_url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True

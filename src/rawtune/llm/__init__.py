"""Teachers: one protocol, several ways to reach a model. ``open_teacher`` chooses by what rawtune.yaml says."""

import os

from rawtune import config
from rawtune.errors import KeyRejected
from rawtune.llm.teacher import Teacher
from rawtune.records import Parameters

__all__ = ["Teacher", "open_teacher", "parameters", "price"]


def open_teacher(settings: config.Teacher, columns: tuple[str, str]) -> Teacher:
    """The teacher that ``settings.model`` names.

    Raises ``KeyRejected`` if its key is not in the environment (an endpoint of one's own may do without),
    ``ModelUnavailable`` or ``MissingDependency`` if it cannot run here. No call is made yet.
    """
    kind, _, model = settings.model.partition(":")
    if kind == "scripted":
        from rawtune.llm.scripted import Scripted

        return Scripted(columns)
    if kind == "embedded":
        from rawtune.llm.embedded import Embedded

        return Embedded(model)
    if kind == "langchain":
        from rawtune.llm.langchain import LangChain

        # Without a name of the user's, each provider looks up its own variable: a key must not reach another provider.
        key = os.environ.get(settings.api_key_env) if settings.api_key_env else None
        return LangChain(model, settings.base_url, key, settings.timeout)
    key_name = settings.api_key_env or "OPENAI_API_KEY"
    key = os.environ.get(key_name, "").strip()  # a line end from a file would break the HTTP header
    if not key and not settings.base_url:
        raise KeyRejected(
            f"{settings.model} needs a key, and {key_name} is not set",
            f"export {key_name}=..., or choose another teacher.model",
        )
    from rawtune.llm.openai_compatible import OpenAICompatible

    return OpenAICompatible(model, settings.base_url, key, key_name, settings.timeout)


def parameters(settings: config.Teacher) -> Parameters:
    """The sampling parameters of every request to this teacher."""
    return Parameters(settings.temperature, settings.top_p, settings.max_tokens, settings.seed, settings.stop)


def price(settings: config.Teacher) -> config.Price | None:
    """What the teacher's tokens cost: as rawtune.yaml says, else by the price table; None where neither knows."""
    kind, _, model = settings.model.partition(":")
    if settings.price or kind in ("embedded", "scripted"):
        return settings.price
    from rawtune.llm.prices import price_of

    if kind == "langchain":
        provider, _, model = model.partition(":")
        return price_of(model, settings.base_url, provider)
    return price_of(model, settings.base_url)

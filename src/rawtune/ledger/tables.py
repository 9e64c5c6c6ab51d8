"""The ledger's tables. A change here needs a migration beside it, in ``migrations/versions``."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)

metadata = MetaData()

passages = Table(
    "passages",
    metadata,
    Column("id", String, primary_key=True),
    Column("document", String, nullable=False),
    Column("document_sha256", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("split", String, nullable=False),
    Column("position", Integer, nullable=False),
    # A passage that left the raw text stays, so that it keeps its split if it comes back.
    Column("current", Boolean, nullable=False),
    Index("passages_in_order", "current", "position"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("request", Text, nullable=False),  # canonical JSON, the very text that the key is the hash of
    Column("text", Text, nullable=False),  # the raw reply, or what was said instead of one
    Column("finish_reason", String, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("latency", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cost", Float),
    Column("status", Integer, nullable=False),  # HTTP status; 0 where none, or no reply with it, came
    # A retired reply stays as a record of what was paid, but answers no request any more.
    Column("retired", Boolean, nullable=False),
)
REPLIED = 200
"""The status of a call that brought a reply."""
answering = (calls.c.status == literal_column(str(REPLIED))) & (calls.c.retired == literal_column("0"))
Index("answering_calls", calls.c.key, unique=True, sqlite_where=answering)

endpoints = Table(
    "endpoints",
    metadata,
    Column("model", String, primary_key=True),
    Column("reply_form", String, nullable=False),  # the strictest that this endpoint was found to hold to
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("passage_id", ForeignKey("passages.id"), primary_key=True),
    # Hash of everything that decides the outcome: teacher, prompt, columns. Another hash means: to be done again.
    Column("made_by", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("repairs", JSON, nullable=False),
    Column("replies", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
)

examples = Table(
    "examples",
    metadata,
    Column("id", String, primary_key=True),
    Column("passage_id", ForeignKey("passages.id"), nullable=False, index=True),
    Column("split", String, nullable=False),
    Column("concept", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("origin", String, nullable=False),
    Column("teacher", String, nullable=False),
    Column("prompt_hash", String, nullable=False),
    Column("parent", String, index=True),
    Column("template", Text),
    Column("suite", String),
    Column("history", Text, nullable=False, server_default="[]"),  # JSON of earlier turns, each question and answer
    Column("position", Integer, nullable=False),
)
has_history = examples.c.history != literal_column("'[]'")
# Few rows are only asked, and fewer have earlier turns: neither are looked for among all.
Index("examples_asked", examples.c.suite, sqlite_where=examples.c.suite.is_not(None))
Index("examples_with_history", examples.c.history, sqlite_where=has_history)

answers = Table(
    "answers",
    metadata,
    # Hash of model, prompt token ids and decoding: the same question to the same weights is answered once.
    Column("key", String, primary_key=True),
    Column("model", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("text", Text, nullable=False),
)

stages = Table(
    "stages",
    metadata,
    Column("name", String, primary_key=True),
    Column("inputs", JSON, nullable=False),
    Column("output", String, nullable=False),
    Column("product", String, nullable=False),
    Column("summary", JSON, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("finished", String, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String, primary_key=True),
    Column("created", String, nullable=False),
    Column("model", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("history", JSON, nullable=False),
    Column("answer", Text, nullable=False),
    Column("verdict", String, nullable=False),
    Column("correction", Text, nullable=False),
    # What became of it; of what was taken, the answer to train on, its passage, and who wrote it.
    Column("fate", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("passage_id", String, nullable=False),
    Column("row", Text, nullable=False),
    Column("author", String, nullable=False),
)

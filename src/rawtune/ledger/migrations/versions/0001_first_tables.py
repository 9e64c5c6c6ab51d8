"""First tables: passages, replies, outcomes, examples, answers, stages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "passages",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("document", sa.String, nullable=False),
        sa.Column("document_sha256", sa.String, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("split", sa.String, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
    )
    op.create_table(
        "replies",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("finish_reason", sa.String, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("latency", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cost", sa.Float),
    )
    op.create_table(
        "outcomes",
        sa.Column("passage_id", sa.String, sa.ForeignKey("passages.id"), primary_key=True),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("repairs", sa.JSON, nullable=False),
        sa.Column("replies", sa.JSON, nullable=False),
        sa.Column("findings", sa.JSON, nullable=False),
    )
    op.create_table(
        "examples",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("passage_id", sa.String, sa.ForeignKey("passages.id"), nullable=False, index=True),
        sa.Column("split", sa.String, nullable=False),
        sa.Column("concept", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("teacher", sa.String, nullable=False),
        sa.Column("prompt_hash", sa.String, nullable=False),
        sa.Column("parent", sa.String, index=True),
        sa.Column("template", sa.Text),
        sa.Column("suite", sa.String),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "stages",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("output", sa.String, nullable=False),
        sa.Column("product", sa.String, nullable=False),
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("finished", sa.String, nullable=False),
    )

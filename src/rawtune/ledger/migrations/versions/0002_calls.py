"""Replies become calls: failed ones are kept, too, and a reply can be retired. Endpoints are remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Move the replies over; none of them failed, none is retired."""
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("finish_reason", sa.String, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("latency", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cost", sa.Float),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
    )
    columns = "key, request, text, finish_reason, prompt_tokens, completion_tokens, estimated, latency, attempts, cost"
    op.execute(f"INSERT INTO calls ({columns}, status, retired) SELECT {columns}, 200, 0 FROM replies")  # noqa: S608
    op.create_index(
        "answering_calls", "calls", ["key"], unique=True, sqlite_where=sa.text("status = 200 AND retired = 0")
    )
    op.drop_table("replies")
    op.create_table(
        "endpoints",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("reply_form", sa.String, nullable=False),
    )
    op.create_index("passages_in_order", "passages", ["current", "position"])

"""What users say of answers is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make room for it."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("history", sa.JSON, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("correction", sa.Text, nullable=False),
        sa.Column("fate", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("passage_id", sa.String, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("author", sa.String, nullable=False),
    )

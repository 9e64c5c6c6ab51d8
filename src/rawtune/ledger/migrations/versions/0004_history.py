"""Rows may have earlier turns."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make room for them; rows that are there have none."""
    op.add_column("examples", sa.Column("history", sa.Text, nullable=False, server_default="[]"))

"""Rows that are only asked, and such that have earlier turns, are found without reading all rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Index both."""
    op.create_index("examples_asked", "examples", ["suite"], sqlite_where=sa.text("suite IS NOT NULL"))
    op.create_index("examples_with_history", "examples", ["history"], sqlite_where=sa.text("history != '[]'"))

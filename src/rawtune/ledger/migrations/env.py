"""Run by Alembic for every migration, on the connection that the ledger hands over."""

from alembic import context

from rawtune.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

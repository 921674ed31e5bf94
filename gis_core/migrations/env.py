"""How Alembic reaches the database; the caller passes connection, metadata and version folders.

Run by ``gis_core.migrate``, never by hand.
"""

from alembic import context
from geoalchemy2 import alembic_helpers

from gis_core.database import Base
from gis_core.migrate import belongs_to_models

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=belongs_to_models,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    compare_server_default=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

"""No question to the gazetteer's table goes by place (the index of a process answers those); to keep an index
by place took nearly a third of the database's time to merge an import"""

from alembic import op

revision = "0098_gazetteer_no_geom_index"
down_revision = "0097_admin_commands"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_gazetteer_entry_geom", table_name="gazetteer_entry")

"""How sources were read last time, and files handed in over HTTP"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_imports"
down_revision = "0010_gazetteer"
branch_labels = None
depends_on = None


def _json(name: str, *, empty: bool) -> sa.Column:  # type: ignore[type-arg]
    default = "{}" if empty else None
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), server_default=default, nullable=not empty
    )


def _moment(name: str) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "import_mapping",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("changed_at"),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_import_mapping")),
    )
    op.create_table(
        "import_task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default="uploaded", nullable=False),
        sa.Column("dry_run", sa.Boolean(), server_default="false", nullable=False),
        _json("options", empty=True),
        _json("inspection", empty=True),
        sa.Column("read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        _json("report", empty=False),
        _json("refusal", empty=False),
        sa.Column("import_run_id", sa.Integer(), nullable=True),
        _moment("created_at"),
        _moment("changed_at"),
        sa.CheckConstraint(
            "state IN ('uploaded','queued','running','tried','done','refused')",
            name=op.f("ck_import_task_state"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_import_task_person_id")),
        sa.ForeignKeyConstraint(
            ["import_run_id"], ["import_run.id"], name=op.f("fk_import_task_import_run_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_task")),
    )  # fmt: skip
    op.create_index("ix_import_task_person_id", "import_task", ["person_id"], unique=False)

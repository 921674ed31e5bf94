"""Tables of addresses that were handed in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0090_geocode_tables"
down_revision = "0070_duty"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = sa.text("now()")
    op.create_table(
        "geocode_table",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("header", JSONB(), nullable=False),
        sa.Column("samples", JSONB(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("address_column", sa.String(), nullable=True),
        sa.Column("district_column", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="uploaded", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusal", JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.CheckConstraint(
            "state IN ('uploaded','queued','running','done','refused')", name=op.f("ck_geocode_table_state")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_geocode_table_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_geocode_table")),
    )
    op.create_index("ix_geocode_table_person_id", "geocode_table", ["person_id"])
    op.create_table(
        "geocode_row",
        sa.Column("table_id", sa.Integer(), nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("matched", sa.String(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=True),
        sa.Column("error_m", sa.REAL(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("candidates", JSONB(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_lon", sa.Double(), nullable=True),
        sa.Column("decided_lat", sa.Double(), nullable=True),
        sa.Column("decided_matched", sa.String(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('accepted','doubtful','ambiguous','not_found')", name=op.f("ck_geocode_row_status")
        ),
        sa.CheckConstraint(
            "decision IN ('candidate','point','nowhere')", name=op.f("ck_geocode_row_decision")
        ),
        sa.ForeignKeyConstraint(
            ["table_id"], ["geocode_table.id"], name=op.f("fk_geocode_row_table_id_geocode_table"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["person.id"], name=op.f("fk_geocode_row_decided_by_person")
        ),
        sa.PrimaryKeyConstraint("table_id", "row_number", name=op.f("pk_geocode_row")),
    )  # fmt: skip
    op.create_index("ix_geocode_row_status", "geocode_row", ["table_id", "status", "row_number"])


def downgrade() -> None:
    op.drop_table("geocode_row")
    op.drop_table("geocode_table")

"""Decisions on likely duplicate components, everybody's own look of a layer, indexes for ordered lists"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0055_duplicates_and_looks"
down_revision = "0042_alert_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "component_duplicate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("kept_id", sa.Integer(), nullable=True),
        sa.Column("metres", sa.Double(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("component_id < other_id", name=op.f("ck_component_duplicate_order")),
        sa.CheckConstraint("decision IN ('both','merged')", name=op.f("ck_component_duplicate_decision")),
        sa.CheckConstraint(
            "(decision = 'merged') = (kept_id IS NOT NULL)", name=op.f("ck_component_duplicate_kept")
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["component.id"], name=op.f("fk_component_duplicate_component_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["component.id"], name=op.f("fk_component_duplicate_other_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["person.id"], name=op.f("fk_component_duplicate_decided_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_duplicate")),
        sa.UniqueConstraint(
            "component_id", "other_id", name=op.f("uq_component_duplicate_component_id_other_id")
        ),
    )  # fmt: skip
    op.create_index("ix_component_duplicate_other_id", "component_duplicate", ["other_id"])
    op.execute("SELECT keep_history('component_duplicate', 'area_code')")
    op.create_table(
        "layer_look",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("layer_key", sa.String(), nullable=False),
        sa.Column("style", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_layer_look_person_id")),
        sa.ForeignKeyConstraint(
            ["layer_key"], ["layer.key"], name=op.f("fk_layer_look_layer_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "layer_key", name=op.f("pk_layer_look")),
    )
    # Lists in the order of a column go on from a value and an id.
    op.drop_index("ix_component_class_code", "component")
    op.drop_index("ix_component_unit_grid_code", "component")
    for column in ("class_code", "unit_grid_code", "area_code", "name", "initial_date"):
        op.create_index(f"ix_component_{column}_id", "component", [column, "id"])

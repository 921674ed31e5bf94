"""Alert rules as data, by version"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042_alert_rules"
down_revision = "0041_unit_commands"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("unit_kinds", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("org_unit_ids", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("area_code", sa.String(), nullable=True),
        sa.Column("zone_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{1,62}$'", name=op.f("ck_alert_rule_key")),
        sa.CheckConstraint("key <> 'outside_grid'", name=op.f("ck_alert_rule_not_built_in")),
        sa.ForeignKeyConstraint(["changed_by"], ["person.id"], name=op.f("fk_alert_rule_changed_by")),
        sa.PrimaryKeyConstraint("key", "version", name=op.f("pk_alert_rule")),
    )
    op.create_index(
        "ux_alert_rule_current", "alert_rule", ["key"], unique=True, postgresql_where=sa.text("current")
    )
    op.execute(
        """
        CREATE TRIGGER alert_rule_news AFTER INSERT OR UPDATE OR DELETE ON alert_rule
          FOR EACH STATEMENT EXECUTE FUNCTION notify_directory();

        UPDATE role SET permissions = permissions || ARRAY['rules.define']
         WHERE key = 'dispatcher' AND NOT 'rules.define' = ANY (permissions)
        """
    )

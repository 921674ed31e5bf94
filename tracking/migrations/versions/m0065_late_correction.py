"""Alerts corrected by late fixes: marks, checkpoints of the rules' memory, what happened to an alert"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0065_late_correction"
down_revision = "0076_archive"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("alert", sa.Column("withdrawn_at", moment, nullable=True))
    op.create_table(
        "alert_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "event IN ('corrected','withdrawn','reinstated')", name=op.f("ck_alert_log_event")
        ),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name=op.f("fk_alert_log_alert_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_log")),
    )
    op.create_index("ix_alert_log_alert_id", "alert_log", ["alert_id"])
    op.create_table(
        "rule_dirty",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("first_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_rule_dirty_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_rule_dirty")),
    )
    op.create_table(
        "rule_checkpoint",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("through", moment, nullable=False),
        sa.Column("lon", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("speed_mps", sa.REAL(), nullable=True),
        sa.Column("states", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_rule_checkpoint_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "through", name=op.f("pk_rule_checkpoint")),
    )
    op.create_index("ix_rule_checkpoint_through", "rule_checkpoint", ["through"], postgresql_using="brin")
    op.execute(
        """
        -- The memory of "outside_grid" in the form that all rules share; "last" fixes are in device_state.
        UPDATE device_state s
           SET rule_state = (
             SELECT coalesce(jsonb_object_agg(rule, state), '{}')
               FROM (SELECT rule,
                            CASE WHEN rule = 'outside_grid' AND NOT state ? 'episode'
                                 THEN jsonb_build_object('episode', jsonb_strip_nulls(jsonb_build_object(
                                        'breaks', state -> 'outside', 'first', state -> 'first',
                                        'last', state -> 'last', 'written', state -> 'last',
                                        'worst', state -> 'farthest_m', 'kept', state -> 'kept',
                                        'opened', state -> 'opened', 'good', state -> 'inside',
                                        'returned_us', state -> 'returned_us', 'subject', state -> 'grid_id')))
                                 WHEN state -> 'episode' ? 'last'
                                 THEN (state - 'last' - 'stay')
                                      || jsonb_build_object('episode', (state -> 'episode') - 'written_us'
                                           || jsonb_build_object('written', state -> 'episode' -> 'last'))
                                 ELSE state - 'last' - 'stay' END AS state
                       FROM jsonb_each(s.rule_state) AS one (rule, state)) AS converted
              WHERE state <> '{}')
         WHERE rule_state <> '{}';

        CREATE OR REPLACE FUNCTION alert_as_json(a alert) RETURNS jsonb LANGUAGE sql STABLE AS $$
          SELECT jsonb_build_object(
                   'id', a.id, 'rule', a.rule, 'severity', a.severity, 'device_id', a.device_id,
                   'unit_name', coalesce(p.name, v.plate, d.key),
                   'unit_name_en', coalesce(p.name_en, v.plate, d.key),
                   'unit_kind', d.unit_kind,
                   'opened_at', a.opened_at, 'last_seen_at', a.last_seen_at,
                   'closed_at', a.closed_at, 'close_reason', a.close_reason, 'withdrawn_at', a.withdrawn_at,
                   'lon', a.lon, 'lat', a.lat, 'last_lon', a.last_lon, 'last_lat', a.last_lat,
                   'acknowledged_by', a.acknowledged_by, 'acknowledged_at', a.acknowledged_at,
                   'handled_by', a.handled_by, 'note', a.note, 'area_code', a.area_code,
                   'evidence', a.evidence)
            FROM device d
            LEFT JOIN person p ON p.id = d.person_id
            LEFT JOIN vehicle v ON v.id = d.vehicle_id
           WHERE d.id = a.device_id;
        $$;
        """
    )

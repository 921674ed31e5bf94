"""Devices, fixes, states and alerts"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003_tracking"
down_revision = "0002_publish"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("device_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_index("ix_dead_letter_reason", "dead_letter", ["reason"], unique=False)
    op.create_index("ix_dead_letter_received_at", "dead_letter", ["received_at"], unique=False)
    op.create_table(
        "fix",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("fix_time", sa.DateTime(timezone=True), nullable=False, comment="UTC, by the receiver"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="UTC, by us"),
        sa.Column("lon", sa.DOUBLE_PRECISION(), nullable=False, comment="degrees, WGS84"),
        sa.Column("lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column(
            "content", sa.BigInteger(), nullable=False, comment="hash of what the device said; tells a repeat"
        ),
        sa.Column("altitude_m", sa.REAL(), nullable=True),
        sa.Column("speed_mps", sa.REAL(), nullable=True),
        sa.Column("course_deg", sa.REAL(), nullable=True, comment="clockwise from true north"),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("satellites", sa.SmallInteger(), nullable=True),
        sa.Column("battery_pct", sa.SmallInteger(), nullable=True),
        sa.Column("unit_grid_id", sa.Integer(), nullable=True),
        sa.Column("responsibility_grid_id", sa.Integer(), nullable=True, comment="the grid the fix lies in"),
        sa.Column(
            "flags", sa.Integer(), server_default="0", nullable=False, comment="bits of tracking.fix.Flag"
        ),
        postgresql_partition_by="RANGE (fix_time)",
    )
    op.create_index("ix_fix_fix_time", "fix", ["fix_time"], unique=False, postgresql_using="brin")
    op.create_index(
        "ux_fix_device_id_fix_time_content", "fix", ["device_id", "fix_time", "content"], unique=True
    )
    op.create_table(
        "route",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=True),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint("code", name=op.f("uq_route_code")),
    )
    op.create_table(
        "vehicle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("org_unit_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_vehicle_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicle")),
        sa.UniqueConstraint("plate", name=op.f("uq_vehicle_plate")),
    )
    op.create_index("ix_vehicle_org_unit_id", "vehicle", ["org_unit_id"], unique=False)
    op.create_table(
        "device",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("vehicle_id", sa.Integer(), nullable=True),
        sa.Column("unit_kind", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("org_unit_id", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("period_s", sa.Integer(), server_default="30", nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("key ~ '^[A-Za-z0-9_-]{1,64}$'", name=op.f("ck_device_key_topic_safe")),
        sa.CheckConstraint("num_nonnulls(person_id, vehicle_id) <= 1", name=op.f("ck_device_one_carrier")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_device_org_unit_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_device_person_id")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicle.id"], name=op.f("fk_device_vehicle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("key", name=op.f("uq_device_key")),
    )
    op.create_index("ix_device_person_id", "device", ["person_id"], unique=False)
    op.create_index("ix_device_vehicle_id", "device", ["vehicle_id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("rule_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.Column("lon", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("last_lon", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("last_lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("acknowledged_by", sa.Integer(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("severity IN ('info','warning','critical')", name=op.f("ck_alert_severity")),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["person.id"], name=op.f("fk_alert_acknowledged_by")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_alert_device_id")),
        sa.ForeignKeyConstraint(["handled_by"], ["person.id"], name=op.f("fk_alert_handled_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_device_id_opened_at", "alert", ["device_id", "opened_at"], unique=False)
    op.create_index("ix_alert_opened_at", "alert", ["opened_at"], unique=False)
    op.create_index(
        "ux_alert_open",
        "alert",
        ["device_id", "rule"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "device_state",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("fix_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lon", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("altitude_m", sa.REAL(), nullable=True),
        sa.Column("speed_mps", sa.REAL(), nullable=True),
        sa.Column("course_deg", sa.REAL(), nullable=True),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("battery_pct", sa.SmallInteger(), nullable=True),
        sa.Column("unit_grid_id", sa.Integer(), nullable=True),
        sa.Column("responsibility_grid_id", sa.Integer(), nullable=True),
        sa.Column("connected", sa.Boolean(), nullable=True),
        sa.Column("changed_xid", sa.BigInteger(), nullable=False),
        sa.Column("rule_state", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_state_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_state")),
    )
    op.create_table(
        "roster",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("responsibility_grid_id", sa.Integer(), nullable=True),
        sa.Column("route_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_roster_times")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_roster_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["responsibility_grid_id"],
            ["responsibility_grid.id"],
            name=op.f("fk_roster_responsibility_grid_id"),
        ),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_roster_route_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster")),
    )
    op.create_index("ix_roster_device_id_starts_at", "roster", ["device_id", "starts_at"], unique=False)
    op.create_index("ix_roster_ends_at", "roster", ["ends_at"], unique=False)
    op.execute(
        """
        CREATE VIEW publish.route AS SELECT id, code, name, name_en, area_code, geom FROM route;
        INSERT INTO layer (key, view, title, title_en, geometry, min_zoom, max_zoom, properties,
                           permission, scoped, sort_order)
        VALUES ('route', 'route', '作业路线', 'Routes', 'line', 10, 16, '["code","name","name_en"]',
                'units.view', true, 55);
        INSERT INTO layer_version (key) VALUES ('route');
        """
    )

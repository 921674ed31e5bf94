"""The gazetteer"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0010_gazetteer"
down_revision = "0005_session_news"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gazetteer_source",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="100", nullable=False),
        sa.Column("quality", sa.REAL(), server_default="0.7", nullable=False),
        sa.Column("datum", sa.String(), server_default="wgs84", nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quality BETWEEN 0 AND 1", name=op.f("ck_gazetteer_source_quality")),
        sa.CheckConstraint("datum IN ('wgs84','gcj02','bd09')", name=op.f("ck_gazetteer_source_datum")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gazetteer_source")),
        sa.UniqueConstraint("key", name=op.f("uq_gazetteer_source_key")),
    )
    op.create_table(
        "gazetteer_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.SmallInteger(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("tail", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("town", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=False),
        sa.Column("display", sa.String(), nullable=False),
        sa.Column("lon", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("lat", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT", srid=4326, dimension=2, spatial_index=False,
                from_text="ST_GeomFromEWKT", name="geometry",
            ),
            sa.Computed("ST_SetSRID(ST_MakePoint(lon, lat), 4326)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "changed_xid", sa.BigInteger(),
            server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False,
        ),
        sa.CheckConstraint("kind IN (32, 64, 128)", name=op.f("ck_gazetteer_entry_kind")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["gazetteer_source.id"], name=op.f("fk_gazetteer_entry_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gazetteer_entry")),
        sa.UniqueConstraint(
            "source_id", "source_key", "part", name=op.f("uq_gazetteer_entry_source_id_source_key_part")
        ),
    )  # fmt: skip
    op.create_index("ix_gazetteer_entry_base_number", "gazetteer_entry", ["base", "number"], unique=False)
    op.create_index("ix_gazetteer_entry_changed_xid", "gazetteer_entry", ["changed_xid"], unique=False)
    op.create_index(
        "ix_gazetteer_entry_geom", "gazetteer_entry", ["geom"], unique=False,
        postgresql_using="gist", postgresql_ops={},
    )  # fmt: skip
    op.create_table(
        "gazetteer_name",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('alias','former','correction')", name=op.f("ck_gazetteer_name_status")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_gazetteer_name_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gazetteer_name")),
        sa.UniqueConstraint("name", "base", name=op.f("uq_gazetteer_name_name_base")),
    )
    op.create_table(
        "gazetteer_use",
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("chosen", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("base", name=op.f("pk_gazetteer_use")),
    )
    op.create_table(
        "geocode_calibration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("model", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_geocode_calibration")),
    )

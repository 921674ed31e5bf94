"""Outages of the platform, whose time is no silence of the devices"""

from alembic import op

revision = "0083_outages"
down_revision = "0091_phone_prefixes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE outage (
          id        serial CONSTRAINT pk_outage PRIMARY KEY,
          starts_at timestamptz NOT NULL,
          ends_at   timestamptz,
          CONSTRAINT ck_outage_span CHECK (ends_at >= starts_at)
        );
        CREATE TABLE ingest_alive (
          one boolean NOT NULL DEFAULT true CONSTRAINT pk_ingest_alive PRIMARY KEY,
          at  timestamptz NOT NULL,
          CONSTRAINT ck_ingest_alive_one CHECK (one)
        );
        """
    )

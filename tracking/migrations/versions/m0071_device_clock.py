"""Clocks that are off have a table of their own: a device whose every fix is refused has no last state"""

from alembic import op

revision = "0071_device_clock"
down_revision = "0090_geocode_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE device_state DROP COLUMN clock_offset_s;
        CREATE TABLE device_clock (
          device_id integer NOT NULL CONSTRAINT pk_device_clock PRIMARY KEY
                      CONSTRAINT fk_device_clock_device_id REFERENCES device ON DELETE CASCADE,
          offset_s  real NOT NULL,
          found_at  timestamptz NOT NULL DEFAULT now()
        );
        """
    )

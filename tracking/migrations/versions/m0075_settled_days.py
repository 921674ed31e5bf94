"""Days of fixes that are over: settled, rolled up, archived"""

from alembic import op

revision = "0075_settled_days"
down_revision = "0060_duty_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- Cells of 1/1024 degree, counted within 32,768 rows and 65,536 columns: cells far apart may share
        -- a number, so a search by cell asks for the coordinates as well.
        CREATE FUNCTION fix_cell(lon double precision, lat double precision) RETURNS integer
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
          (((floor((lat + 90) * 1024)::integer & 32767) << 16) | (floor((lon + 180) * 1024)::integer & 65535));

        -- Cells of 1/64 degree; each number is one place.
        CREATE FUNCTION fix_cell_coarse(lon double precision, lat double precision) RETURNS integer
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
          (floor((lat + 90) * 64)::integer * 23041 + floor((lon + 180) * 64)::integer);

        CREATE TABLE settled_day (
          day           date NOT NULL CONSTRAINT pk_settled_day PRIMARY KEY,
          settled_at    timestamptz,
          archived_at   timestamptz,
          archive_file  varchar,
          archive_fixes bigint,
          archive_sum   varchar,
          archive_sm3   varchar,
          dropped_at    timestamptz
        );
        CREATE TABLE late_fix (
          id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_late_fix PRIMARY KEY,
          day       date NOT NULL,
          device_id integer NOT NULL
        );
        CREATE INDEX ix_late_fix_day ON late_fix (day);
        CREATE TABLE track_cell (
          day        date NOT NULL,
          cell       integer NOT NULL,
          device_id  integer NOT NULL,
          first_time timestamptz NOT NULL,
          last_time  timestamptz NOT NULL,
          fixes      integer NOT NULL,
          CONSTRAINT pk_track_cell PRIMARY KEY (day, cell, device_id)
        );
        CREATE TABLE track_day (
          device_id       integer NOT NULL
                          CONSTRAINT fk_track_day_device_id REFERENCES device ON DELETE CASCADE,
          day             date NOT NULL,
          first_time      timestamptz NOT NULL,
          last_time       timestamptz NOT NULL,
          fixes           integer NOT NULL,
          mileage_m       double precision NOT NULL,
          mileage_error_m double precision NOT NULL,
          geom            geometry(LineString, 4326),
          CONSTRAINT pk_track_day PRIMARY KEY (device_id, day)
        );
        CREATE INDEX ix_track_day_day ON track_day (day);
        """
    )

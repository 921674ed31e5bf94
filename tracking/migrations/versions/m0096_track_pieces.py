"""Pieces of tracks by place, for running days as well; late fixes by their time"""

from alembic import op

revision = "0096_track_pieces"
down_revision = "0083_outages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- Cells of 1/256 degree; each number is one place.
        CREATE FUNCTION piece_cell(lon double precision, lat double precision) RETURNS integer
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
          (floor((lat + 90) * 256)::bigint * 92161 + floor((lon + 180) * 256)::bigint - 2147483648)::integer;

        -- Which of its 8 by 8 parts, of 1/2048 degree, as one bit.
        CREATE FUNCTION piece_part(lon double precision, lat double precision) RETURNS bigint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
          (1::bigint << (((floor((lat + 90) * 2048)::integer & 7) << 3) | (floor((lon + 180) * 2048)::integer & 7)));

        CREATE TABLE track_piece (
          day        date NOT NULL,
          cell       integer NOT NULL,
          device_id  integer NOT NULL,
          first_time timestamptz NOT NULL,
          last_time  timestamptz NOT NULL,
          fixes      integer NOT NULL,
          parts      bigint NOT NULL,
          points     bytea NOT NULL,
          CONSTRAINT pk_track_piece PRIMARY KEY (day, cell, device_id, first_time) INCLUDE (last_time, fixes, parts)
        );
        ALTER TABLE track_piece ALTER COLUMN points SET STORAGE EXTERNAL;
        CREATE TABLE piece_day (
          day     date NOT NULL CONSTRAINT pk_piece_day PRIMARY KEY,
          through timestamptz NOT NULL,
          bytes   bigint NOT NULL
        );
        CREATE TABLE late_before (
          id     integer NOT NULL DEFAULT 1 CONSTRAINT pk_late_before PRIMARY KEY
                 CONSTRAINT ck_late_before_one_row CHECK (id = 1),
          moment timestamptz NOT NULL
        );
        INSERT INTO late_before (moment) VALUES (date_trunc('day', now(), 'UTC'));

        ALTER TABLE late_fix ADD COLUMN since timestamptz, ADD COLUMN until timestamptz;
        UPDATE late_fix SET since = day::timestamp AT TIME ZONE 'UTC',
                            until = (day + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond';
        ALTER TABLE late_fix ALTER COLUMN since SET NOT NULL, ALTER COLUMN until SET NOT NULL;

        -- The index by place of each settled day: pieces take its part, in half the space.
        DO $$
        DECLARE place regclass;
        BEGIN
          FOR place IN SELECT x.indexrelid FROM pg_index x JOIN pg_inherits h ON h.inhrelid = x.indrelid
                        WHERE h.inhparent = 'fix'::regclass AND pg_get_indexdef(x.indexrelid) LIKE '%fix_cell(%'
          LOOP
            EXECUTE format('DROP INDEX %s', place);
          END LOOP;
        END $$;
        DROP FUNCTION fix_cell(double precision, double precision);
        """
    )

"""Shifts and their turns, rules for positions outside duty, signals of fixes, tallies of faults by device"""

from alembic import op

revision = "0070_duty"
down_revision = "0055_duplicates_and_looks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE fix ADD COLUMN signals bigint;
        COMMENT ON COLUMN fix.signals IS 'bits of tracking.signals; null: none told';
        ALTER TABLE device_state
          ADD COLUMN flags integer NOT NULL DEFAULT 0,
          ADD COLUMN signals bigint,
          ADD COLUMN clock_offset_s real;

        CREATE TABLE device_tally (
          device_id integer NOT NULL CONSTRAINT fk_device_tally_device_id REFERENCES device ON DELETE CASCADE,
          day       date NOT NULL,
          reason    varchar NOT NULL,
          count     bigint NOT NULL,
          last_at   timestamptz NOT NULL,
          CONSTRAINT pk_device_tally PRIMARY KEY (device_id, day, reason)
        ) WITH (fillfactor = 70);
        CREATE INDEX ix_device_tally_day ON device_tally (day);

        CREATE TABLE off_duty_rule (
          id          serial CONSTRAINT pk_off_duty_rule PRIMARY KEY,
          unit_kind   varchar,
          org_unit_id integer CONSTRAINT fk_off_duty_rule_org_unit_id REFERENCES org_unit,
          area_code   varchar,
          outside     varchar NOT NULL,
          before_s    integer NOT NULL DEFAULT 900,
          after_s     integer NOT NULL DEFAULT 900,
          unrostered  varchar NOT NULL DEFAULT 'keep',
          on_map      varchar NOT NULL DEFAULT 'hidden',
          changed_by  integer CONSTRAINT fk_off_duty_rule_changed_by REFERENCES person,
          changed_at  timestamptz NOT NULL DEFAULT now(),
          CONSTRAINT ck_off_duty_rule_outside CHECK (outside IN ('keep','drop','state')),
          CONSTRAINT ck_off_duty_rule_unrostered CHECK (unrostered IN ('keep','drop','state')),
          CONSTRAINT ck_off_duty_rule_on_map CHECK (on_map IN ('hidden','last')),
          CONSTRAINT ck_off_duty_rule_grace CHECK (before_s BETWEEN 0 AND 14400 AND after_s BETWEEN 0 AND 14400)
        );
        CREATE UNIQUE INDEX ux_off_duty_rule_group
          ON off_duty_rule (unit_kind, org_unit_id, area_code) NULLS NOT DISTINCT;
        -- People: only on duty. Vehicles belong to the job and are kept, unless a group says otherwise.
        INSERT INTO off_duty_rule (unit_kind, outside, on_map)
        VALUES (NULL, 'drop', 'hidden'), ('sanitation', 'keep', 'last'), ('slag_truck', 'keep', 'last');
        SELECT keep_history('off_duty_rule', 'area_code');
        CREATE TRIGGER off_duty_rule_news AFTER INSERT OR UPDATE OR DELETE ON off_duty_rule
          FOR EACH STATEMENT EXECUTE FUNCTION notify_directory();

        -- The rule of each device's group: the one that is nearest to it.
        CREATE VIEW device_off_duty AS
        SELECT d.id AS device_id, r.id AS rule_id, r.outside, r.before_s, r.after_s, r.unrostered, r.on_map
          FROM device d
          JOIN LATERAL (
                 SELECT o.* FROM off_duty_rule o
                  WHERE (o.unit_kind IS NULL OR o.unit_kind = d.unit_kind)
                    AND (o.org_unit_id IS NULL OR o.org_unit_id = d.org_unit_id)
                    AND (o.area_code IS NULL
                         OR starts_with(d.area_code, CASE WHEN length(o.area_code) = 6
                              THEN regexp_replace(o.area_code, '(00)+$', '') ELSE o.area_code END))
                  ORDER BY (o.org_unit_id IS NOT NULL) DESC, coalesce(length(o.area_code), 0) DESC,
                           o.area_code DESC, (o.unit_kind IS NOT NULL) DESC
                  LIMIT 1) AS r ON true;

        CREATE TABLE shift (
          id           serial CONSTRAINT pk_shift PRIMARY KEY,
          name         varchar NOT NULL,
          device_id    integer CONSTRAINT fk_shift_device_id REFERENCES device ON DELETE CASCADE,
          person_id    integer CONSTRAINT fk_shift_person_id REFERENCES person ON DELETE CASCADE,
          responsibility_grid_id integer CONSTRAINT fk_shift_responsibility_grid_id
                         REFERENCES responsibility_grid,
          route_id     integer CONSTRAINT fk_shift_route_id REFERENCES route,
          area_code    varchar NOT NULL,
          org_unit_id  integer CONSTRAINT fk_shift_org_unit_id REFERENCES org_unit,
          cycle_days   smallint NOT NULL DEFAULT 7,
          days         smallint[] NOT NULL,
          since        time NOT NULL,
          until        time NOT NULL,
          first_day    date NOT NULL,
          last_day     date,
          skipped      date[] NOT NULL DEFAULT '{}',
          enabled      boolean NOT NULL DEFAULT true,
          CONSTRAINT ck_shift_one_holder CHECK (num_nonnulls(device_id, person_id) <= 1),
          CONSTRAINT ck_shift_somebody CHECK (num_nonnulls(device_id, person_id, responsibility_grid_id) >= 1),
          CONSTRAINT ck_shift_cycle_days CHECK (cycle_days BETWEEN 1 AND 60),
          CONSTRAINT ck_shift_days CHECK
            (cardinality(days) > 0 AND 1 <= ALL (days) AND cycle_days >= ALL (days)),
          CONSTRAINT ck_shift_span CHECK (last_day IS NULL OR last_day >= first_day)
        );
        CREATE INDEX ix_shift_device_id ON shift (device_id);
        CREATE INDEX ix_shift_person_id ON shift (person_id);
        CREATE INDEX ix_shift_responsibility_grid_id ON shift (responsibility_grid_id);
        SELECT keep_history('shift', 'area_code');

        ALTER TABLE roster ADD COLUMN shift_id integer
          CONSTRAINT fk_roster_shift_id REFERENCES shift ON DELETE SET NULL;
        CREATE UNIQUE INDEX ux_roster_shift_id_device_id_starts_at
          ON roster (shift_id, device_id, starts_at) WHERE shift_id IS NOT NULL;

        -- The windows of a shift that begin on some days, by the clock in China.
        CREATE FUNCTION shift_windows(s shift, from_day date, to_day date)
        RETURNS TABLE (day date, starts_at timestamptz, ends_at timestamptz) LANGUAGE sql IMMUTABLE AS $$
          SELECT g.day::date, (g.day::date + s.since) AT TIME ZONE 'Asia/Shanghai',
                 (g.day::date + CASE WHEN s.until <= s.since THEN 1 ELSE 0 END + s.until)
                   AT TIME ZONE 'Asia/Shanghai'
            FROM generate_series(greatest(s.first_day, from_day)::timestamp,
                                 least(s.last_day, to_day)::timestamp, interval '1 day') AS g (day)
           WHERE s.enabled AND NOT g.day::date = ANY (s.skipped)
             AND CASE WHEN s.cycle_days = 7 THEN extract(isodow FROM g.day)::int
                      ELSE (g.day::date - s.first_day) % s.cycle_days + 1 END = ANY (s.days)
        $$;

        -- Who a shift is for: its device; its person's devices; or those of all who answer for its grid.
        CREATE VIEW shift_device AS
        SELECT s.id AS shift_id, d.id AS device_id
          FROM shift s JOIN device d ON d.id = s.device_id WHERE d.enabled
         UNION ALL
        SELECT s.id, d.id FROM shift s JOIN device d ON d.person_id = s.person_id WHERE d.enabled
         UNION ALL
        SELECT s.id, d.id
          FROM shift s
          JOIN responsibility_grid_person p ON p.responsibility_grid_id = s.responsibility_grid_id
           AND p.valid_from <= current_date AND (p.valid_to IS NULL OR p.valid_to > current_date)
          JOIN device d ON d.person_id = p.person_id
         WHERE d.enabled AND s.device_id IS NULL AND s.person_id IS NULL;

        -- Bring the turns of some shifts (null: of all) into line with them, from now to some weeks ahead.
        -- What is past stays as it was; a turn going on that is no longer wanted ends now.
        CREATE FUNCTION roster_fill(shift_ids integer[], days_ahead integer DEFAULT 35) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_advisory_xact_lock(7823470);
          CREATE TEMPORARY TABLE IF NOT EXISTS roster_wanted (
            shift_id int, device_id int, starts_at timestamptz, ends_at timestamptz, grid int, route int);
          DELETE FROM roster_wanted;
          INSERT INTO roster_wanted
          SELECT s.id, d.device_id, w.starts_at, w.ends_at, s.responsibility_grid_id, s.route_id
            FROM shift s JOIN shift_device d ON d.shift_id = s.id,
                 shift_windows(s, (now() AT TIME ZONE 'Asia/Shanghai')::date - 1,
                               (now() AT TIME ZONE 'Asia/Shanghai')::date + days_ahead) AS w
           WHERE (shift_ids IS NULL OR s.id = ANY (shift_ids)) AND w.ends_at > now();
          DELETE FROM roster r
           WHERE r.shift_id IS NOT NULL AND (shift_ids IS NULL OR r.shift_id = ANY (shift_ids))
             AND r.starts_at > now()
             AND NOT EXISTS (SELECT FROM roster_wanted w WHERE w.shift_id = r.shift_id
                               AND w.device_id = r.device_id AND w.starts_at = r.starts_at);
          UPDATE roster r SET ends_at = greatest(now(), r.starts_at + interval '1 second')
           WHERE r.shift_id IS NOT NULL AND (shift_ids IS NULL OR r.shift_id = ANY (shift_ids))
             AND r.starts_at <= now() AND r.ends_at > now()
             AND NOT EXISTS (SELECT FROM roster_wanted w WHERE w.shift_id = r.shift_id
                               AND w.device_id = r.device_id AND w.starts_at = r.starts_at);
          INSERT INTO roster AS r (device_id, starts_at, ends_at, responsibility_grid_id, route_id, shift_id)
          SELECT device_id, starts_at, ends_at, grid, route, shift_id FROM roster_wanted
              ON CONFLICT (shift_id, device_id, starts_at) WHERE shift_id IS NOT NULL
              DO UPDATE SET ends_at = excluded.ends_at, route_id = excluded.route_id,
                            responsibility_grid_id = excluded.responsibility_grid_id
           WHERE (r.ends_at, r.responsibility_grid_id, r.route_id)
                 IS DISTINCT FROM (excluded.ends_at, excluded.responsibility_grid_id, excluded.route_id);
        END $$;

        -- A device that changes hands, or is disabled, takes its shifts along.
        CREATE FUNCTION roster_follows_device() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM roster_fill(ARRAY(
            SELECT s.id FROM shift s
             WHERE s.device_id = NEW.id OR s.person_id IN (NEW.person_id, OLD.person_id)
                OR s.person_id IS NULL AND s.device_id IS NULL AND s.responsibility_grid_id IN (
                     SELECT p.responsibility_grid_id FROM responsibility_grid_person p
                      WHERE p.person_id IN (NEW.person_id, OLD.person_id))));
          RETURN NULL;
        END $$;
        CREATE TRIGGER roster_follows AFTER UPDATE OF person_id, enabled ON device FOR EACH ROW
          WHEN (OLD.person_id IS DISTINCT FROM NEW.person_id OR OLD.enabled <> NEW.enabled)
          EXECUTE FUNCTION roster_follows_device();

        UPDATE role SET permissions = permissions || ARRAY['rosters.manage']
         WHERE key = 'dispatcher' AND NOT 'rosters.manage' = ANY (permissions);
        UPDATE role SET permissions = permissions || ARRAY['privacy.manage']
         WHERE key = 'admin' AND NOT 'privacy.manage' = ANY (permissions);
        """
    )

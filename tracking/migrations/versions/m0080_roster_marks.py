"""A changed turn of duty has the alerts of its device judged again"""

from alembic import op

revision = "0080_roster_marks"
down_revision = "0079_state_room"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE rule_dirty ADD COLUMN cause varchar NOT NULL DEFAULT 'late_fixes',
          ADD CONSTRAINT ck_rule_dirty_cause CHECK (cause IN ('late_fixes','roster','rules'));

        -- Turns that began and are not what they were: their devices are judged again from half an hour before
        -- (who is in his grid so early has arrived). A device that never sent a fix has nothing to be judged by.
        CREATE FUNCTION mark_turns() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          changed text := CASE TG_OP WHEN 'INSERT' THEN 'TABLE new_turns' WHEN 'DELETE' THEN 'TABLE old_turns' ELSE
            '(TABLE new_turns EXCEPT TABLE old_turns) UNION ALL (TABLE old_turns EXCEPT TABLE new_turns)' END;
        BEGIN
          EXECUTE format($sql$
            INSERT INTO rule_dirty AS m (device_id, since, until, cause)
            SELECT t.device_id, min(t.starts_at) - interval '30 minutes', least(max(t.ends_at), now()), 'roster'
              FROM (%s) AS t JOIN device_state s USING (device_id)
             WHERE t.starts_at - interval '30 minutes' <= now() AND t.responsibility_grid_id IS NOT NULL
             GROUP BY t.device_id
                ON CONFLICT (device_id) DO UPDATE
               SET since = least(m.since, excluded.since), until = greatest(m.until, excluded.until),
                   last_at = now(), cause = excluded.cause
          $sql$, changed);
          RETURN NULL;
        END $$;
        CREATE TRIGGER roster_added AFTER INSERT ON roster REFERENCING NEW TABLE AS new_turns
          FOR EACH STATEMENT EXECUTE FUNCTION mark_turns();
        CREATE TRIGGER roster_removed AFTER DELETE ON roster REFERENCING OLD TABLE AS old_turns
          FOR EACH STATEMENT EXECUTE FUNCTION mark_turns();
        CREATE TRIGGER roster_changed AFTER UPDATE ON roster
          REFERENCING OLD TABLE AS old_turns NEW TABLE AS new_turns
          FOR EACH STATEMENT EXECUTE FUNCTION mark_turns();
        """
    )

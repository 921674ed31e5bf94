"""Which units are off duty now, and are not to be shown where they are"""

from alembic import op

revision = "0072_unit_off_duty"
down_revision = "0075_settled_days"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- Off duty now, of a group that does not keep positions then. Who calls for help is shown.
        CREATE VIEW unit_off_duty AS
        SELECT o.device_id, o.on_map
          FROM device_off_duty o
         WHERE CASE WHEN EXISTS (SELECT FROM roster r WHERE r.device_id = o.device_id
                                    AND r.starts_at - make_interval(secs => o.before_s) <= now())
                    THEN o.outside <> 'keep'
                         AND NOT EXISTS (SELECT FROM roster r WHERE r.device_id = o.device_id
                                            AND r.starts_at <= now() + make_interval(secs => o.before_s)
                                            AND r.ends_at > now() - make_interval(secs => o.after_s))
                    ELSE o.unrostered <> 'keep' END
           AND NOT EXISTS (SELECT FROM device_state s WHERE s.device_id = o.device_id AND s.signals & 1 = 1);
        """
    )

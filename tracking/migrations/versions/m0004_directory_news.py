"""News of devices and rosters, and the one form in which an alert is told"""

from alembic import op

revision = "0004_directory_news"
down_revision = "0003_tracking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- A hint to ingest and to the screens: read the devices and rosters again.
        CREATE FUNCTION notify_directory() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_notify('wanmi_directory', TG_TABLE_NAME);
          RETURN NULL;
        END $$;

        CREATE TRIGGER device_news AFTER INSERT OR UPDATE OR DELETE ON device
          FOR EACH STATEMENT EXECUTE FUNCTION notify_directory();
        CREATE TRIGGER vehicle_news AFTER INSERT OR UPDATE OR DELETE ON vehicle
          FOR EACH STATEMENT EXECUTE FUNCTION notify_directory();
        CREATE TRIGGER roster_news AFTER INSERT OR UPDATE OR DELETE ON roster
          FOR EACH STATEMENT EXECUTE FUNCTION notify_directory();

        -- An alert as the interface and the outbox tell it.
        CREATE FUNCTION alert_as_json(a alert) RETURNS jsonb LANGUAGE sql STABLE AS $$
          SELECT jsonb_build_object(
                   'id', a.id, 'rule', a.rule, 'severity', a.severity, 'device_id', a.device_id,
                   'unit_name', coalesce(p.name, v.plate, d.key),
                   'unit_name_en', coalesce(p.name_en, v.plate, d.key),
                   'unit_kind', d.unit_kind,
                   'opened_at', a.opened_at, 'last_seen_at', a.last_seen_at,
                   'closed_at', a.closed_at, 'close_reason', a.close_reason,
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

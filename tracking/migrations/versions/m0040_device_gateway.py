"""Terminal numbers of JT/T 808, the speed unit of OsmAnd clients, and commands to devices"""

from alembic import op

revision = "0040_device_gateway"
down_revision = "0032_city_records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE device
          ADD COLUMN terminal_number varchar,
          ADD COLUMN speed_unit varchar NOT NULL DEFAULT 'kn',
          ADD COLUMN payload_secret bytea,
          ADD CONSTRAINT uq_device_terminal_number UNIQUE (terminal_number),
          ADD CONSTRAINT ck_device_terminal_number CHECK (terminal_number ~ '^[1-9a-f][0-9a-f]{0,19}$'),
          ADD CONSTRAINT ck_device_speed_unit CHECK (speed_unit IN ('kn','kmh','mps'));

        CREATE TABLE device_command (
          id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
          device_id     integer NOT NULL CONSTRAINT fk_device_command_device_id_device
                          REFERENCES device ON DELETE CASCADE,
          kind          varchar NOT NULL,
          body          jsonb NOT NULL DEFAULT '{}',
          requested_by  integer CONSTRAINT fk_device_command_requested_by_person REFERENCES person,
          requested_at  timestamptz NOT NULL DEFAULT now(),
          expires_at    timestamptz NOT NULL,
          state         varchar NOT NULL DEFAULT 'waiting',
          sent_at       timestamptz,
          finished_at   timestamptz,
          result        text,
          CONSTRAINT ck_device_command_kind CHECK (kind IN ('text','locate')),
          CONSTRAINT ck_device_command_state CHECK (state IN ('waiting','sent','done','failed','expired')),
          CONSTRAINT ck_device_command_finished CHECK
            ((state IN ('done','failed','expired')) = (finished_at IS NOT NULL))
        );
        CREATE INDEX ix_device_command_device_id ON device_command (device_id, requested_at DESC);
        CREATE INDEX ix_device_command_open ON device_command (expires_at) WHERE finished_at IS NULL;

        -- A hint to the gateway: there is something to send.
        CREATE FUNCTION notify_command() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_notify('wanmi_command', '');
          RETURN NULL;
        END $$;
        CREATE TRIGGER command_news AFTER INSERT ON device_command
          FOR EACH STATEMENT EXECUTE FUNCTION notify_command();
        """
    )

"""News of sessions and rights, so that open connections end or change with them"""

from alembic import op

revision = "0005_session_news"
down_revision = "0004_directory_news"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- A hint with the person's id: look at the session and the rights again.
        CREATE FUNCTION notify_session() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' THEN
            PERFORM pg_notify('wanmi_session', to_jsonb(OLD) ->> TG_ARGV[0]);
          ELSE
            PERFORM pg_notify('wanmi_session', to_jsonb(NEW) ->> TG_ARGV[0]);
          END IF;
          RETURN NULL;
        END $$;

        CREATE TRIGGER login_session_news AFTER DELETE ON login_session
          FOR EACH ROW EXECUTE FUNCTION notify_session('person_id');
        CREATE TRIGGER api_token_news AFTER UPDATE OF permissions, expires_at OR DELETE ON api_token
          FOR EACH ROW EXECUTE FUNCTION notify_session('person_id');
        CREATE TRIGGER role_grant_news AFTER INSERT OR UPDATE OR DELETE ON role_grant
          FOR EACH ROW EXECUTE FUNCTION notify_session('person_id');
        CREATE TRIGGER person_news AFTER UPDATE OF state ON person
          FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION notify_session('id');
        """
    )

"""Shifts of a responsibility grid follow the people who answer for it"""

from alembic import op

revision = "0073_roster_follows_grid"
down_revision = "0072_unit_off_duty"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION roster_follows_grid() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          concerned integer[] := ARRAY(SELECT id FROM shift WHERE enabled AND device_id IS NULL
                                          AND person_id IS NULL);
        BEGIN
          IF cardinality(concerned) > 0 THEN
            PERFORM roster_fill(concerned);
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER roster_follows AFTER INSERT OR UPDATE OR DELETE ON responsibility_grid_person
          FOR EACH STATEMENT EXECUTE FUNCTION roster_follows_grid();
        """
    )

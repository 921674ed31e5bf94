"""The day in force is the day in China: by that of UTC, what begins today was not in force before 08:00"""

import re

from alembic import op
from sqlalchemy import text

revision = "0100_civil_today"
down_revision = "0099_geocode_table_areas"
branch_labels = None
depends_on = None

CIVIL_TODAY = """
CREATE FUNCTION civil_today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date;
$$;
"""

# Every view and function of ours that asks for CURRENT_DATE, as it stands in this database.
DATED = """
SELECT 'CREATE OR REPLACE VIEW ' || c.oid::regclass || ' AS ' || pg_get_viewdef(c.oid) AS definition
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'v' AND n.nspname IN ('public', 'publish') AND pg_get_viewdef(c.oid) ~* '\\mcurrent_date\\M'
UNION ALL
SELECT pg_get_functiondef(p.oid)
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.prokind = 'f' AND n.nspname IN ('public', 'publish') AND p.prosrc ~* '\\mcurrent_date\\M'
   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.execute(text(CIVIL_TODAY))
    for (definition,) in connection.execute(text(DATED)).all():
        moved = re.sub(r"\bcurrent_date\b", "civil_today()", definition, flags=re.IGNORECASE)
        connection.exec_driver_sql(moved.replace("%", "%%"))

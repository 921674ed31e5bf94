"""Gatherings follow from the fixes of all units: their memory by tick, and what late fixes made untrue"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0082_gatherings"
down_revision = "0081_route_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "gathering_state",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("tick", moment, nullable=False),
        sa.Column("groups", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("rule", "tick", name=op.f("pk_gathering_state")),
    )
    op.create_table(
        "gathering_dirty",
        sa.Column("bucket", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("first_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_gathering_dirty")),
    )
    op.execute(
        """
        -- What was followed by the clock alone ends here; it opens again if it goes on.
        UPDATE alert SET closed_at = greatest(now(), opened_at), close_reason = 'returned'
         WHERE closed_at IS NULL
           AND rule IN (SELECT key FROM alert_rule WHERE definition ->> 'kind' = 'gathering');
        UPDATE device_state s SET rule_state = s.rule_state - k.keys
          FROM (SELECT array_agg(DISTINCT key) AS keys FROM alert_rule
                 WHERE definition ->> 'kind' = 'gathering') AS k
         WHERE s.rule_state ?| k.keys;
        """
    )

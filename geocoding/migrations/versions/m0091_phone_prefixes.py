"""Where telephones of a prefix stand"""

import sqlalchemy as sa
from alembic import op

revision = "0091_phone_prefixes"
down_revision = "0082_gatherings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phone_prefix",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.CheckConstraint("prefix ~ '^[0-9]{2,12}$'", name=op.f("ck_phone_prefix_prefix")),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_phone_prefix")),
    )


def downgrade() -> None:
    op.drop_table("phone_prefix")

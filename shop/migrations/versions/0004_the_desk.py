"""what the desk knows of a handover, its notes, saved replies, and scores of agents apart from the bot's"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OF_A_HANDOVER = ("taken_at", "active_at", "mood", "reason", "score_asked_in")


def upgrade() -> None:
    op.create_table(
        "handover_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handover_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"], ["handovers.id"], name=op.f("fk_handover_notes_handover_id_handovers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_notes")),
    )
    op.create_index(op.f("ix_handover_notes_handover_id"), "handover_notes", ["handover_id"], unique=False)
    op.create_table(
        "saved_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_replies")),
    )
    op.add_column("handovers", sa.Column("taken_at", sa.DateTime(), nullable=True))
    op.add_column("handovers", sa.Column("active_at", sa.DateTime(), nullable=True))
    op.add_column("handovers", sa.Column("mood", sa.String(length=32), nullable=False, server_default="calm"))
    op.add_column("handovers", sa.Column("reason", sa.String(length=32), nullable=True))
    op.add_column("handovers", sa.Column("score_asked_in", sa.Integer(), nullable=True))
    with op.batch_alter_table("ratings") as ratings:
        ratings.add_column(sa.Column("handover_id", sa.Integer(), nullable=True))
        ratings.create_foreign_key(op.f("fk_ratings_handover_id_handovers"), "handovers", ["handover_id"], ["id"])
        ratings.create_index(op.f("ix_ratings_handover_id"), ["handover_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("ratings") as ratings:
        ratings.drop_index(op.f("ix_ratings_handover_id"))
        ratings.drop_constraint(op.f("fk_ratings_handover_id_handovers"), type_="foreignkey")
        ratings.drop_column("handover_id")
    with op.batch_alter_table("handovers") as handovers:
        for name in OF_A_HANDOVER:
            handovers.drop_column(name)
    op.drop_table("saved_replies")
    op.drop_index(op.f("ix_handover_notes_handover_id"), table_name="handover_notes")
    op.drop_table("handover_notes")

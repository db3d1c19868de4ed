"""one record of what is said, in place of a transcript for each handover"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("customer_has_read", sa.Integer(), nullable=False),
        sa.Column("staff_has_read", sa.Integer(), nullable=False),
        sa.Column("customer_typed_at", sa.DateTime(), nullable=True),
        sa.Column("staff_typed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("extras", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("reply_to", sa.Integer(), nullable=True),
        sa.Column("is_answered", sa.Boolean(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "key", name="uq_messages_key"),
        sa.UniqueConstraint("conversation_id", "number", name="uq_messages_number"),
    )
    op.create_table(
        "photos",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_photos_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_photos_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_photos")),
    )
    op.create_index(op.f("ix_photos_conversation_id"), "photos", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_photos_ticket_id"), "photos", ["ticket_id"], unique=False)
    _move_transcripts()
    op.drop_index(op.f("ix_handover_messages_handover_id"), table_name="handover_messages")
    op.drop_table("handover_messages")
    op.add_column("products", sa.Column("picture", sa.String(length=300), nullable=True))
    op.add_column("tickets", sa.Column("reported_by", sa.String(length=120), nullable=True))
    op.create_index(op.f("ix_tickets_reported_by"), "tickets", ["reported_by"], unique=False)
    with op.batch_alter_table("handovers") as handovers:
        handovers.alter_column("conversation", type_=sa.String(length=64), existing_nullable=False)
        handovers.create_foreign_key(
            op.f("fk_handovers_conversation_conversations"), "conversations", ["conversation"], ["id"]
        )


def _move_transcripts() -> None:
    """Every handover's lines, in the order they were written, under the number they now have in their conversation."""
    op.execute(
        "INSERT INTO conversations (id, opened_at, last_number, customer_has_read, staff_has_read) "
        "SELECT conversation, MIN(opened_at), 0, 0, 0 FROM handovers GROUP BY conversation"
    )
    op.execute(
        "INSERT INTO messages (conversation_id, number, at, sender, text, extras, is_answered) "
        "SELECT h.conversation, ROW_NUMBER() OVER (PARTITION BY h.conversation ORDER BY m.id), "
        "m.at, m.sender, m.text, '{}', 1 = 1 FROM handover_messages m JOIN handovers h ON h.id = m.handover_id"
    )
    op.execute(
        "UPDATE conversations SET last_number = "
        "(SELECT COUNT(*) FROM messages WHERE messages.conversation_id = conversations.id)"
    )


def downgrade() -> None:
    op.create_table(
        "handover_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handover_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("sender", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"], ["handovers.id"], name=op.f("fk_handover_messages_handover_id_handovers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_messages")),
    )
    op.create_index(op.f("ix_handover_messages_handover_id"), "handover_messages", ["handover_id"], unique=False)
    op.execute(
        "INSERT INTO handover_messages (handover_id, at, sender, text) SELECT h.id, m.at, m.sender, m.text "
        "FROM messages m JOIN (SELECT conversation, MAX(id) AS id FROM handovers GROUP BY conversation) h "
        "ON h.conversation = m.conversation_id ORDER BY m.number"
    )
    with op.batch_alter_table("handovers") as handovers:
        handovers.drop_constraint(op.f("fk_handovers_conversation_conversations"), type_="foreignkey")
        handovers.alter_column("conversation", type_=sa.String(length=120), existing_nullable=False)
    op.drop_index(op.f("ix_tickets_reported_by"), table_name="tickets")
    op.drop_column("tickets", "reported_by")
    op.drop_column("products", "picture")
    op.drop_index(op.f("ix_photos_ticket_id"), table_name="photos")
    op.drop_index(op.f("ix_photos_conversation_id"), table_name="photos")
    op.drop_table("photos")
    op.drop_table("messages")
    op.drop_table("conversations")

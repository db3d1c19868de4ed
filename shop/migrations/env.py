"""Runs the schema's revisions: over the connection that `shop.database.migrate` brings, or over one of its own."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Enum
from sqlalchemy.engine import Connection

from shop.database import connect
from shop.models import Base
from shop.models.base import Moment


def plain_type(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """How a new revision writes our own types: revisions outlive the models, so they don't import them."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime()"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


def run(connection: Connection) -> None:
    """Batch mode, because SQLite cannot alter a table in place."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=plain_type,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect().begin() as own:
        run(own)

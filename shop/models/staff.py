"""Who works at the desk, and that they are signed in."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment, choice


class Role(str, enum.Enum):
    AGENT = "agent"
    LEAD = "lead"  # sees colleagues' conversations, takes them over, and manages accounts and saved replies


class Agent(Base):
    __tablename__ = "agents"

    id: int = Column(Integer, primary_key=True)
    name: str = Column(String(80), nullable=False, unique=True)
    password_hash: str = Column(String(200), nullable=False)
    role: Role = Column(choice(Role), nullable=False)
    language: str = Column(String(2), nullable=False, default="zh")  # of their desk, and of the summaries they read
    is_active: bool = Column(Boolean, nullable=False, default=True)
    misses: int = Column(Integer, nullable=False, default=0)  # wrong passwords in a row
    locked_until: datetime | None = Column(Moment)
    seen_at: datetime | None = Column(Moment)  # when their desk last showed itself


class SignIn(Base):
    """A browser in which an agent is signed in. Only a hash of its token is kept: reading this table opens nothing."""

    __tablename__ = "sign_ins"

    token_hash: str = Column(String(64), primary_key=True)
    agent_id: int = Column(ForeignKey("agents.id"), nullable=False, index=True)
    opened_at: datetime = Column(Moment, nullable=False)
    seen_at: datetime = Column(Moment, nullable=False)

    agent: Agent = relationship("Agent")

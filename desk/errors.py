"""What the desk will not do, each refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass


class DeskError(Exception):
    """The desk will not do this; each refusal says why."""


@dataclass(eq=False)
class NoSuchHandover(DeskError):
    id: int

    def __str__(self) -> str:
        return f"There is no handover {self.id}."


@dataclass(eq=False)
class AlreadyTaken(DeskError):
    """A colleague has the conversation: two agents never answer one customer."""

    id: int
    agent: str

    def __str__(self) -> str:
        return f"Handover {self.id} is with {self.agent}."


@dataclass(eq=False)
class AlreadyHandedBack(DeskError):
    id: int

    def __str__(self) -> str:
        return f"Handover {self.id} has been handed back to the bot already."


@dataclass(eq=False)
class NotTaken(DeskError):
    """Who writes to a customer has taken the conversation first, so that no colleague does so too."""

    id: int

    def __str__(self) -> str:
        return f"Handover {self.id} is still waiting: take it first."


@dataclass(eq=False)
class NothingWritten(DeskError):
    def __str__(self) -> str:
        return "There is nothing written."


@dataclass(eq=False)
class AgentUnnamed(DeskError):
    """Every act at the desk is somebody's, for the audit trail."""

    def __str__(self) -> str:
        return "An agent's name has 1 to 80 characters."


@dataclass(eq=False)
class NotYours(DeskError):
    """A colleague has it, and only a lead looks over a colleague's shoulder."""

    id: int
    agent: str

    def __str__(self) -> str:
        return f"Handover {self.id} is with {self.agent}: a lead may look."


@dataclass(eq=False)
class TooLong(DeskError):
    most: int

    def __str__(self) -> str:
        return f"At most {self.most} characters."


@dataclass(eq=False)
class NoSuchColleague(DeskError):
    """Nobody of this name works here, or it is the agent's own."""

    name: str

    def __str__(self) -> str:
        return f"There is no colleague {self.name}."


@dataclass(eq=False)
class NoSuchReply(DeskError):
    id: int

    def __str__(self) -> str:
        return f"There is no saved reply {self.id}."


@dataclass(eq=False)
class ColleagueAway(DeskError):
    """The customer would wait for somebody who is not there."""

    name: str

    def __str__(self) -> str:
        return f"{self.name} is away."

"""What agents do with a conversation, each act once and in the audit trail."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import conversations, scores
from desk.conversations import Line, Said
from desk.errors import (
    AgentUnnamed,
    AlreadyHandedBack,
    AlreadyTaken,
    ColleagueAway,
    DeskError,
    NoSuchColleague,
    NoSuchHandover,
    NotTaken,
)
from desk.packets import Packet, packet
from desk.presence import is_here
from desk.texts import written
from desk.words import Words
from shop import clock
from shop.contacts import storable
from shop.database import begin_change
from shop.ledger import audit_entry, is_first
from shop.models import (
    Agent,
    AuditEntry,
    CloseReason,
    Handover,
    HandoverNote,
    HandoverState,
    Message,
    Sender,
)

MOST_CHARACTERS = 4_000
AFTER_A_TALK = (CloseReason.HANDED_BACK, CloseReason.SOLVED)  # the customer is asked how it was


def take(session: Session, id: int, agent: str, *, over: bool = False) -> Packet:
    """Give a waiting conversation to an agent; taking one's own again changes nothing. A lead may take one over.

    Raises NoSuchHandover, AlreadyTaken, AlreadyHandedBack, AgentUnnamed.
    """
    agent = _named(agent)
    begin_change(session)
    handover = _for_agent(session, id, agent, over=over)
    if handover.state is HandoverState.WAITING or handover.agent != agent:
        before = handover.agent
        _give(session, handover, agent)
        session.add(audit(agent, "take_handover", handover, **({"from": before} if before else {})))
    session.commit()
    return packet(session, handover)


def write(session: Session, id: int, *, agent: str, text: str, key: str | None = None) -> Said:
    """Say something to the customer, in the agent's name; the same `key` again is the same message.

    Raises NoSuchHandover, AlreadyTaken (by somebody else), NotTaken, AlreadyHandedBack, AgentUnnamed, NothingWritten
    and TooLong.
    """
    agent, text = _named(agent), written(text, MOST_CHARACTERS)
    begin_change(session)
    handover = _taken(session, id, agent)
    line = Line(Sender.AGENT, text)
    key = f"agent/{key}" if key else None  # no customer's key looks like that
    said, is_new = conversations.append_once(session, handover.conversation, line, agent=agent, key=key)
    if is_new:
        handover.active_at = clock.now()
        session.add(audit(agent, "write_to_customer", handover, number=said.number))
    session.commit()
    return said


def note(session: Session, id: int, *, agent: str, text: str, key: str | None = None) -> Packet:
    """Note something for colleagues; the customer never reads it. The same `key` again is the same note.

    Raises NoSuchHandover, AlreadyTaken, AlreadyHandedBack, AgentUnnamed, NothingWritten, TooLong.
    """
    agent, text = _named(agent), written(text, MOST_CHARACTERS)
    begin_change(session)
    handover = _for_agent(session, id, agent)
    if key is None or is_first(session, f"note-{id}-{key}", "note"):
        _note(handover, agent, text)
        session.add(audit(agent, "note", handover))
    session.commit()
    return packet(session, handover)


def pass_on(session: Session, id: int, *, agent: str, to: str, note: str | None = None) -> Packet:
    """Give one's conversation to a colleague, with a note for them.

    Raises NoSuchHandover, AlreadyTaken, NotTaken, AlreadyHandedBack, AgentUnnamed, NoSuchColleague, ColleagueAway,
    TooLong.
    """
    agent = _named(agent)
    begin_change(session)
    handover = _taken(session, id, agent)
    chosen = select(Agent).where(Agent.name == to, Agent.is_active)
    colleague = session.execute(chosen).scalars().first()
    if to == agent or colleague is None:
        session.rollback()
        raise NoSuchColleague(to)
    if not is_here(colleague):
        session.rollback()
        raise ColleagueAway(to)
    if note and note.strip():
        _note(handover, agent, written(note, MOST_CHARACTERS))
    _give(session, handover, to)
    session.add(audit(agent, "pass_handover", handover, to=to))
    session.commit()
    return packet(session, handover)


def verified(session: Session, id: int, *, agent: str, number: str, customer_id: int | None) -> None:
    """The customer has proven an order to the agent and, where there is a `customer_id`, the whole account.

    Raises NoSuchHandover, AlreadyTaken, NotTaken, AlreadyHandedBack, AgentUnnamed.
    """
    begin_change(session)
    handover = _taken(session, id, _named(agent))
    handover.is_verified, handover.customer_id, handover.order_number = True, customer_id, number
    session.add(audit(agent, "verify_customer", handover, order=number))
    session.commit()


def not_verified(session: Session, id: int, *, agent: str, number: str) -> None:
    """The customer could not prove to the agent that an order is theirs: the audit trail remembers the try.

    Raises NoSuchHandover, AlreadyTaken, NotTaken, AlreadyHandedBack, AgentUnnamed.
    """
    begin_change(session)
    handover = _taken(session, id, _named(agent))
    session.add(audit(agent, "fail_to_verify_customer", handover, order=storable(number, 12)))
    session.commit()


def hand_back(session: Session, id: int, *, agent: str, note: str | None = None) -> Packet:
    """Close a handover, taken or still waiting: the bot speaks again.

    Raises NoSuchHandover, AlreadyTaken (by somebody else), AlreadyHandedBack, AgentUnnamed, TooLong.
    """
    return close(session, id, agent=agent, reason=CloseReason.HANDED_BACK, note=note)


def close(session: Session, id: int, *, agent: str, reason: CloseReason, note: str | None = None) -> Packet:
    """Finish with a conversation, for a reason; whoever spoke to a person is asked for a score of them.

    Raises NoSuchHandover, AlreadyTaken (by somebody else), AlreadyHandedBack, AgentUnnamed, TooLong.
    """
    agent = _named(agent)
    if note and note.strip():
        note = written(note, MOST_CHARACTERS)
    begin_change(session)
    handover = _for_agent(session, id, agent)
    was_taken = handover.state is HandoverState.TAKEN
    handover.state, handover.agent = HandoverState.CLOSED, agent
    handover.reason, handover.note = reason, note
    _say_goodbye(session, handover, was_taken=was_taken)
    handover.closed_at = clock.now()
    name = "hand_back_handover" if reason is CloseReason.HANDED_BACK else "close_handover"
    session.add(audit(agent, name, handover, note=note, reason=reason.value))
    session.commit()
    return packet(session, handover)


def say(session: Session, handover: Handover, sentence: str) -> None:
    """A sentence of the desk's own to the customer, in their language, within the caller's change."""
    text = Words(handover.language).say("to_customer", sentence, agent=handover.agent)
    conversations.append(session, handover.conversation, Line(Sender.BOT, text))


def audit(agent: str, action: str, handover: Handover, **details: object) -> AuditEntry:
    """A line of the audit trail about a handover."""
    facts = {"conversation": handover.conversation, **details}
    return audit_entry(agent, action, f"handover {handover.id}", facts)


def locked(session: Session, id: int) -> Handover:
    """A handover, for a change of the caller's. Raises NoSuchHandover.

    Its conversation is locked before it, as by whoever records what a customer writes: so neither waits forever.
    """
    conversation = session.execute(select(Handover.conversation).where(Handover.id == id)).scalar_one_or_none()
    if conversation is None:
        session.rollback()
        raise NoSuchHandover(id)
    conversations.lock(session, conversation)
    chosen = select(Handover).where(Handover.id == id).with_for_update().execution_options(populate_existing=True)
    handover: Handover = session.execute(chosen).scalar_one()
    return handover


def _give(session: Session, handover: Handover, agent: str) -> None:
    handover.state, handover.agent, handover.active_at = HandoverState.TAKEN, agent, clock.now()
    handover.taken_at = handover.taken_at or clock.now()
    say(session, handover, "joined")


def _say_goodbye(session: Session, handover: Handover, *, was_taken: bool) -> None:
    if handover.reason is None or handover.reason is CloseReason.ABUSE:
        return
    is_untaken = handover.reason is CloseReason.HANDED_BACK and not was_taken
    say(session, handover, "handed_back_untaken" if is_untaken else handover.reason.value)
    if was_taken and handover.reason in AFTER_A_TALK and _has_written(session, handover):
        scores.ask(session, handover)


def _has_written(session: Session, handover: Handover) -> bool:
    """Whether their agent has said anything to the customer: else there is nothing to be scored."""
    theirs = select(Message.id).where(Message.conversation_id == handover.conversation, Message.sender == Sender.AGENT)
    since = handover.taken_at or handover.opened_at
    return session.execute(theirs.where(Message.agent == handover.agent, Message.at >= since)).first() is not None


def _note(handover: Handover, agent: str, text: str) -> None:
    handover.notes.append(HandoverNote(at=clock.now(), agent=agent, text=text))


def _taken(session: Session, id: int, agent: str) -> Handover:
    handover = _for_agent(session, id, agent)
    if handover.state is HandoverState.WAITING:
        session.rollback()
        raise NotTaken(id)
    return handover


def _for_agent(session: Session, id: int, agent: str, *, over: bool = False) -> Handover:
    """The handover, locked for a change by this agent, or the reason why it is not theirs to change."""
    handover = locked(session, id)
    refusal: DeskError | None = None
    if handover.state is HandoverState.CLOSED:
        refusal = AlreadyHandedBack(id)
    elif handover.state is HandoverState.TAKEN and handover.agent != agent and not over:
        refusal = AlreadyTaken(id, str(handover.agent))
    if refusal is not None:
        session.rollback()
        raise refusal
    return handover


def _named(agent: str) -> str:
    agent = agent.strip()
    if not 1 <= len(agent) <= 80:
        raise AgentUnnamed
    return agent

"""A customer's orders at the desk: agents see and change them through the shop's own functions, under its policy.

An agent may look any order up, which the audit trail remembers. They act only on what the customer has proven, to the
bot or to them, and only in a conversation that is theirs.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from desk import work
from desk.errors import NotTaken
from desk.packets import HandoverView
from shop import account, orders
from shop.account import Shopper
from shop.errors import OrderNotFound, TooManyAttempts
from shop.models import HandoverState
from shop.orders import OrderView

MOST_ORDERS = 20


def shopper_for(session: Session, handover: HandoverView, agent: str | None = None) -> Shopper:
    """The customer as far as they are proven lately, with the agent who acts for them; of a closed one nobody is."""
    if handover.state is HandoverState.CLOSED:
        return Shopper(handover.conversation, None, frozenset(), None, None, agent)
    return account.proven_to_agent(
        session, handover.conversation, handover.opened_at, agent=agent or handover.agent or ""
    )


def orders_of(session: Session, handover: HandoverView) -> tuple[OrderView, ...]:
    """What is proven to be theirs, newest first; nothing where nothing is proven."""
    shopper = shopper_for(session, handover)
    return orders.list_orders(session, shopper, MOST_ORDERS) if shopper.is_known else ()


def see(session: Session, handover: HandoverView, number: str, *, agent: str) -> tuple[OrderView, Shopper, bool]:
    """An order, whose it is, and whether it is proven to be the customer's; one that is not is looked up.

    Raises OrderNotFound.
    """
    shopper = shopper_for(session, handover, agent)
    try:
        return orders.view_order(session, shopper, number), shopper, True
    except OrderNotFound:
        owner = account.look_up(session, number, agent=agent, conversation=handover.conversation)
        return orders.view_order(session, owner, number), owner, False


def prove(session: Session, handover: HandoverView, number: str, proof: str, *, agent: str) -> None:
    """The customer has told the agent their proof: from now on the order is proven, to agent and bot alike.

    Raises OrderNotFound, TooManyAttempts, NotTaken.
    """
    require_own(handover, agent)
    try:
        account.prove_order(session, handover.conversation, number, proof, agent=agent)
    except (OrderNotFound, TooManyAttempts):
        work.not_verified(session, handover.id, agent=agent, number=number)
        raise
    proven = shopper_for(session, handover, agent)
    order = account.owned_order(session, proven, number)
    work.verified(session, handover.id, agent=agent, number=order.number, customer_id=proven.customer_id)


def require_own(handover: HandoverView, agent: str) -> None:
    """Raises NotTaken where the conversation is not this agent's."""
    if not handover.is_with(agent):
        raise NotTaken(handover.id)

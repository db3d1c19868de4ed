"""Orders at the desk: the shop's own functions and its policy, for what the customer has proven."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import account
from shop.errors import OrderNotFound, TooManyAttempts
from shop.models import AuditEntry, Order, OrderState, Return
from shop.policy import POLICY
from tests.desk.web.conftest import Desk, a_clock, proven, waiting, writes

KEY = "one-key-for-one-act"
PACKED, ARRIVED = ("W2378156", "13812345678"), ("W2378158", "5678")


def mine(session: Session, desk: Desk, order: tuple[str, str] = PACKED, **facts: Any) -> int:
    id = proven(session, "visitor-1", *order, **facts).id
    desk.done(f"handovers/{id}/take")
    return id


def act(desk: Desk, id: int, number: str, name: str, **fields: Any) -> dict[str, Any]:
    path = f"handovers/{id}/orders/{number}/{name}"
    quote = desk.done(f"{path}/preview", fields=fields)["quote"]
    return dict(desk.done(path, fields=fields, quote=quote, key=KEY))


def acts_of(order: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: {field["name"]: field for field in one["fields"]} for one in order["acts"]}


def test_an_order_is_cancelled_once_under_the_shops_policy(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    path = f"handovers/{id}/orders/W2378156/cancel"
    preview = lin.done(f"{path}/preview", fields={"reason": "不要了"})
    assert {"label": "退款", "text": "¥338"} in preview["facts"]
    assert shop.execute(select(Order.state).where(Order.number == "W2378156")).scalar() is OrderState.PROCESSING

    done = lin.done(path, fields={"reason": "不要了"}, quote=preview["quote"], key=KEY)
    again = lin.done(path, fields={"reason": "不要了"}, quote=preview["quote"], key=KEY)
    assert done["say"] == "订单W2378156已帮您取消，¥338会退回原付款方式。"
    assert again == done
    shop.expire_all()
    assert shop.execute(select(Order.state).where(Order.number == "W2378156")).scalar() is OrderState.CANCELLED
    entries = shop.execute(select(AuditEntry).where(AuditEntry.action == "cancel_order")).scalars().all()
    assert [(one.actor, one.subject) for one in entries] == [("林", "W2378156")]


def test_a_return_is_opened_for_the_pieces_that_were_ticked(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin, ARRIVED)
    order = lin.seen(f"handovers/{id}/orders/W2378158")
    fields = acts_of(order)["open_return"]
    pieces = fields["pieces"]["choices"][0]["value"]

    done = act(lin, id, "W2378158", "open_return", pieces=[pieces], reason="changed_mind", refund_to="original")
    back = shop.execute(select(Return).order_by(Return.id.desc())).scalars().first()
    assert back.number in done["say"] and back.order.number == "W2378158"
    assert back.fee_cents == 1_200  # policy: the way back is theirs to pay
    assert any(back.number in one["label"] for one in lin.seen(f"handovers/{id}/orders/W2378158")["returns"])


def test_what_the_shop_refuses_the_desk_refuses_with_its_reason(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    path = f"handovers/{id}/orders/W2378156"
    assert "open_return" not in acts_of(lin.seen(path))
    refused = lin.refused(f"{path}/open_return/preview", fields={"pieces": ["1:1"], "reason": "other"})
    assert refused == (409, "这个订单现在不能这样办")
    assert lin.refused(f"{path}/change_address/preview", fields={"address": "x"}) == (409, "地址不完整")
    assert lin.refused(f"{path}/change_address/preview", fields={}) == (409, "请填写：新地址")


def test_what_has_changed_since_the_preview_is_not_done(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    path = f"handovers/{id}/orders/W2378156"
    fields = acts_of(lin.seen(path))["change_item"]
    line = fields["line"]["choices"][0]["value"]
    variant = next(one["value"] for one in fields["variant"]["choices"] if one["parent"] == line)
    chosen = {"line": line, "variant": variant}
    lin.done(f"{path}/change_item/preview", fields=chosen)

    assert lin.refused(f"{path}/change_item", fields=chosen, quote="0" * 16, key=KEY) == (
        409,
        "情况刚有变化，请重新预览",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"pieces": [], "reason": "other", "refund_to": "original"},
        {"pieces": ["999:1"], "reason": "other", "refund_to": "original"},
        {"pieces": "1:1", "reason": "other", "refund_to": "original"},
        {"pieces": [{"a": 1}], "reason": "other", "refund_to": "original"},
        {"pieces": ["x:y"], "reason": "free money", "refund_to": "original"},
        {"pieces": [], "reason": ["other"], "refund_to": 5},
    ],
)
def test_a_form_that_the_page_did_not_offer_is_refused(shop: Session, lin: Desk, fields: dict[str, Any]) -> None:
    id = mine(shop, lin, ARRIVED)
    status, sentence = lin.refused(f"handovers/{id}/orders/W2378158/open_return/preview", fields=fields)

    assert status == 409 and sentence.startswith("请填写：")


def test_an_order_not_proven_is_seen_but_not_touched(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    order = lin.done(f"handovers/{id}/look-up", number="w8264404")

    assert (order["number"], order["is_proven"], order["acts"]) == ("W8264404", False, [])
    assert "不要透露" in order["warning"]
    assert not {"收货地址", "收件人"} & {one["label"] for one in order["facts"]}  # the postal code would prove it
    path = f"handovers/{id}/orders/W8264404/issue_invoice"
    assert lin.refused(f"{path}/preview", fields={})[0] == 409
    assert lin.refused(path, fields={}, quote="x", key=KEY)[0] == 409
    looked = shop.execute(select(AuditEntry).where(AuditEntry.action == "look_up_order")).scalars().all()
    assert [(one.actor, one.subject) for one in looked] == [("林", "W8264404")]
    assert looked[0].details == {"conversation": "visitor-1"}


def test_a_proof_told_to_the_agent_counts_for_the_bot_too(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    assert lin.seen(f"handovers/{id}/orders")["orders"] == []
    assert lin.seen(f"handovers/{id}/orders")["hint"].startswith("这位顾客的身份还没核实")
    proof = {"number": "W2378156", "proof": "13812345678"}
    assert lin.refused(f"handovers/{id}/prove", **proof) == (409, "请先接入这个对话")
    lin.done(f"handovers/{id}/take")
    assert lin.refused(f"handovers/{id}/prove", number="W2378156", proof="99999")[0] == 409
    order = lin.done(f"handovers/{id}/prove", **proof)

    assert order["is_proven"] and "cancel" in acts_of(order)
    assert lin.seen(f"handovers/{id}")["is_verified"]
    assert account.recognise(shop, "visitor-1").is_known
    assert [one["number"] for one in lin.seen(f"handovers/{id}/orders")["orders"]] == ["W2378156"]


def test_a_proof_lapses_with_an_agent_too_when_the_customer_is_silent_for_long(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    path = f"handovers/{id}/orders/W2378156/cancel/preview"
    with a_clock() as later:
        for _ in range(3):  # who goes on writing is who began
            later(minutes=POLICY.proof_lasts_with_agent_minutes - 1)
            lin.done("here")
            writes(shop, "visitor-1", "还在吗")
        lin.done(path, fields={})
        for _ in range(2):
            later(minutes=POLICY.proof_lasts_with_agent_minutes / 2 + 1)
            lin.done("here")
        writes(shop, "visitor-1", "取消吧")  # whoever sits there now

        assert lin.refused(path, fields={})[0] == 409
        packet = lin.seen(f"handovers/{id}")
        assert not packet["is_verified"]
        assert "核实已过期" in packet["summary"][0]
        assert {"label": "身份核实", "text": "已过期，请再核对"} in packet["facts"]
        assert lin.seen(f"handovers/{id}/orders")["orders"] == []
        lin.done(f"handovers/{id}/prove", number="W2378156", proof="13812345678")
        lin.done(path, fields={})


def test_what_had_lapsed_with_the_bot_is_not_proven_to_an_agent(shop: Session, lin: Desk) -> None:
    account.prove_order(shop, "visitor-1", "W2378156", "13812345678")
    with a_clock() as later:
        later(minutes=POLICY.proof_lasts_minutes + 1)
        id = waiting(shop).id
        lin.done(f"handovers/{id}/take")
        writes(shop, "visitor-1", "取消吧")

        assert lin.seen(f"handovers/{id}/orders")["orders"] == []


def test_a_proven_order_tells_whom_it_goes_to_and_nothing_of_the_account(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/prove", number="W2378156", proof="13812345678")
    by_order = lin.seen(f"handovers/{id}")
    lin.done(f"handovers/{id}/prove", number="W2378156", proof=email_of(shop, "W2378156"))
    by_account = lin.seen(f"handovers/{id}")

    assert by_order["summary"][0] == "陈思远，核实了订单，没有核实账户。"
    assert not {"邮箱", "电话", "会员"} & {one["label"] for one in by_order["facts"]}
    assert by_account["summary"][0].endswith("身份已核实。")
    assert {"text": email_of(shop, "W2378156"), "label": "邮箱"} in by_account["facts"]


def test_a_proof_that_fails_is_in_the_audit_trail(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.refused(f"handovers/{id}/prove", number="W2378156", proof="99999")

    failed = shop.execute(select(AuditEntry).where(AuditEntry.action == "fail_to_verify_customer")).scalars().one()
    assert (failed.actor, failed.subject) == ("林", f"handover {id}")
    assert failed.details == {"conversation": "visitor-1", "order": "W2378156"}


def test_guessing_proofs_at_the_desk_ends_like_anywhere(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    answers = [lin.refused(f"handovers/{id}/prove", number="W2378156", proof=f"1000{n}") for n in range(6)]

    assert answers[-1] == (409, "核对次数太多，已暂停")


def test_an_agent_acts_in_their_own_conversations_alone(shop: Session, lin: Desk, mei: Desk, wang: Desk) -> None:
    id = mine(shop, lin)
    for other in (mei, wang):
        assert other.refused(f"handovers/{id}/orders/W2378156/cancel/preview", fields={})[0] == 409
    assert wang.seen(f"handovers/{id}/orders/W2378156")["acts"] == []
    lin.done(f"handovers/{id}/close", reason="solved")
    assert lin.refused(f"handovers/{id}/orders/W2378156/cancel/preview", fields={}) == (409, "请先接入这个对话")


@pytest.mark.parametrize("number", ["W0000000", "x", "' OR 1=1", "9" * 50])
def test_there_is_no_such_order(shop: Session, lin: Desk, number: str) -> None:
    id = mine(shop, lin)

    assert lin.refused(f"handovers/{id}/look-up", number=number)[0] == 409


def test_all_acts_of_all_states_have_their_forms_and_their_words(shop: Session, lin: Desk, mei: Desk) -> None:
    seen: set[str] = set()
    for place, order in enumerate(shop.execute(select(Order)).scalars().all()):
        session_id = f"visitor-of-{place}"
        id = proven(shop, session_id, order.number, order.email).id
        desk = (lin, mei)[place % 2]
        desk.done(f"handovers/{id}/take")
        shown = desk.seen(f"handovers/{id}/orders/{order.number}")
        assert shown["is_proven"] and shown["facts"] and shown["items"]
        for name, fields in acts_of(shown).items():
            seen.add(name)
            values = _first_choices(fields)
            answer = desk.post(f"handovers/{id}/orders/{order.number}/{name}/preview", fields=values)
            assert answer.status_code in (200, 409), answer.text
    assert seen == {
        *("cancel", "change_address", "change_item", "change_payment", "open_return", "open_exchange"),
        *("report_problem", "claim_warranty", "issue_invoice"),
    }


def _first_choices(fields: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if field["kind"] in ("choice", "choices"):
            parents = set(map(str, values.values()))
            open_to = [one["value"] for one in field["choices"] if one.get("parent") in (None, *parents)]
            if open_to:
                values[name] = [open_to[0]] if field["kind"] == "choices" else open_to[0]
        elif field["is_required"]:
            values[name] = "上海市静安区南京西路1266号恒隆广场"
    return values


def test_who_failed_with_the_bot_may_be_proven_by_an_agent(shop: Session, lin: Desk) -> None:
    for attempt in range(5):
        with contextlib.suppress(OrderNotFound, TooManyAttempts):
            account.prove_order(shop, "visitor-1", "W2378156", f"000{attempt}")
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")

    assert lin.done(f"handovers/{id}/prove", number="W2378156", proof="13812345678")["is_proven"]


def test_the_same_key_for_another_order_does_nothing_to_it(shop: Session, lin: Desk) -> None:
    id = mine(shop, lin)
    act(lin, id, "W2378156", "cancel")
    lin.done(f"handovers/{id}/prove", number="W8264403", proof="emma.clarke@example.com")
    refused = lin.post(f"handovers/{id}/orders/W8264403/cancel", fields={}, quote="x", key=KEY)

    assert refused.status_code == 409


def email_of(shop: Session, number: str) -> str:
    order = shop.execute(select(Order).where(Order.number == number)).scalar_one()
    return str(order.customer.email)

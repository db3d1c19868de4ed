"""What agents do with conversations, over the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import absence, conversations, pictures, queue, work
from shop import clock
from shop.models import AuditEntry, Mood, Photo, Sender
from tests.desk.web.conftest import Desk, proven, said, signed_in, waiting, writes

KEY = "a-key-of-the-page"


def test_a_packet_tells_an_agent_all_they_need_in_their_own_language(shop: Session, lin: Desk, mei: Desk) -> None:
    id = proven(
        shop,
        "visitor-1",
        "W2378156",
        "13812345678",
        mood=Mood.ANGRY,
        tried=["utter_order_processing", "utter_refuse_not_delivered_yet", "utter_changed_address"],
    ).id
    zh, en = lin.seen(f"handovers/{id}"), mei.seen(f"handovers/{id}")

    assert zh["summary"] == [
        "陈思远，核实了订单，没有核实账户。",
        "来意：退货。",
        "情绪：很生气，请先安抚。",
        "订单W2378156（护眼台灯 白色、陶瓷马克杯 蓝色 ×2）：备货中，共¥338。",
        "智能客服已办：改了收货地址。",
        "智能客服没能办：还没签收。",
    ]
    assert en["summary"][2] == "They write Chinese." and "About: a return." in en["summary"]
    assert en["summary"][3] == "They are angry: start with that."
    assert en["tried"] == ["changed the address", "not delivered yet"]
    facts = {one["label"]: one["text"] for one in zh["facts"]}
    assert facts["顾客"] == "陈思远" and facts["原话"] == "我要退台灯" and "W2378156" in facts["身份核实"]
    assert [one["text"] for one in zh["lines"]] == ["转人工"]
    assert zh["may"] == {"take": True, "take_over": False, "write": False}


def test_a_stranger_is_told_to_be_one(shop: Session, lin: Desk) -> None:
    summary = lin.seen(f"handovers/{waiting(shop, order_number='W2378156').id}")["summary"]

    assert summary[0] == "身份还没核实，谈订单前请先核对。"
    assert "提到订单W2378156，还没核实是不是本人的。" in summary


def test_taking_writing_and_handing_back(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    packet = lin.done(f"handovers/{id}/take")
    assert packet["is_mine"] and packet["may"]["write"]
    line = lin.done(f"handovers/{id}/write", text=" 您好，我是林。 ", key=KEY)
    assert (line["sender"], line["agent"], line["text"], line["key"]) == ("agent", "林", "您好，我是林。", KEY)
    lin.done(f"handovers/{id}/hand-back", note="新标签已发")

    assert said(shop, "visitor-1") == [
        "林来为您服务了，您前面说的都能看到，不用再重复。",
        "林的服务到这里。接下来由智能客服陪您，有事直接说。",
        "林这次的服务，您打几分？5分最好。",
    ]
    assert not queue.is_open(shop, "visitor-1")
    closed = lin.seen(f"handovers/{id}")
    assert closed["is_closed"] and closed["may"] == {"take": False, "take_over": False, "write": False}
    actions = shop.execute(select(AuditEntry.action).where(AuditEntry.subject == f"handover {id}")).scalars().all()
    assert actions == ["take_handover", "write_to_customer", "hand_back_handover"]


def test_a_message_sent_twice_is_said_once(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    first = lin.done(f"handovers/{id}/write", text="您好", key=KEY)
    again = lin.done(f"handovers/{id}/write", text="您好", key=KEY)

    assert first == again
    assert said(shop, "visitor-1", Sender.AGENT) == ["您好"]


def test_a_customer_cannot_take_an_agents_key(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    conversations.hear(shop, "visitor-1", "mine", key=KEY)
    lin.done(f"handovers/{id}/take")

    assert lin.done(f"handovers/{id}/write", text="您好", key=KEY)["text"] == "您好"


def test_the_faster_colleague_has_it_and_only_a_lead_takes_it_over(
    shop: Session, lin: Desk, mei: Desk, wang: Desk
) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")

    assert mei.refused(f"handovers/{id}/take") == (409, "林 has this conversation.")
    assert mei.refused(f"handovers/{id}/take", over=True)[0] == 403
    assert mei.get(f"handovers/{id}").json() == {"error": "林 has this conversation; a lead may look."}
    assert wang.seen(f"handovers/{id}")["may"] == {"take": False, "take_over": True, "write": False}
    assert wang.done(f"handovers/{id}/take", over=True)["is_mine"]
    assert lin.refused(f"handovers/{id}/write", text="您好", key=KEY) == (409, "Wang已经接了这个对话")


def test_notes_are_for_colleagues_and_go_along_when_it_is_passed_on(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/notes", text="他急着出差", key=KEY)
    lin.done(f"handovers/{id}/pass", to="Mei", note="你熟悉台灯")

    notes = [(one["agent"], one["text"]) for one in mei.seen(f"handovers/{id}")["notes"]]
    assert notes == [("林", "他急着出差"), ("林", "你熟悉台灯")]
    assert mei.seen(f"handovers/{id}")["is_mine"]
    everything = [one.text for one in conversations.since(shop, "visitor-1")]
    assert not [text for text in everything if "出差" in text or "熟悉" in text]
    assert everything[-1] == "Mei来为您服务了，您前面说的都能看到，不用再重复。"


@pytest.mark.parametrize("to", ["林", "nobody", ""])
def test_it_is_passed_to_colleagues_alone(shop: Session, lin: Desk, to: str) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")

    assert lin.refused(f"handovers/{id}/pass", to=to, note="x") == (409, "没有这位同事")
    packet = lin.seen(f"handovers/{id}")
    assert packet["is_mine"] and packet["notes"] == []


@pytest.mark.parametrize(
    ("reason", "heard"),
    [
        ("solved", ["这次就到这里，感谢您的耐心。还有事随时找我们。", "林这次的服务，您打几分？5分最好。"]),
        ("no_answer", ["一直没等到您的回复，这次先到这里。有需要随时再说，之前的内容都在。"]),
        ("written_to", ["我们已经发邮件答复您了，请查收。"]),
        ("abuse", []),
    ],
)
def test_closing_has_a_reason_and_says_what_fits_it(shop: Session, lin: Desk, reason: str, heard: list[str]) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/write", text="您好", key=KEY)
    lin.done(f"handovers/{id}/close", reason=reason)

    assert said(shop, "visitor-1")[1:] == heard
    assert {one["code"] for one in lin.seen("reasons")} == {"solved", "no_answer", "written_to", "abuse"}


def test_a_closed_conversation_comes_back_with_what_was_agreed(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/hand-back", note="新标签已发")
    again = mei.seen(f"handovers/{waiting(shop).id}")

    (earlier,) = again["earlier"]
    assert (earlier["agent"], earlier["reason"], earlier["note"]) == ("林", "handed back to the bot", "新标签已发")
    assert "Earlier talks with staff: 1, last with 林: handed back to the bot." in again["summary"]


def test_what_is_sent_again_after_a_lost_answer_is_there_once(shop: Session, lin: Desk, wang: Desk) -> None:
    id = waiting(shop).id
    for _ in range(2):
        packet = lin.done(f"handovers/{id}/notes", text="他急着出差", key=KEY)
        replies = wang.done("replies", title="问候", text_zh="您好", text_en="Hello", key=KEY)

    assert len(packet["notes"]) == len(replies) == 1
    assert shop.query(AuditEntry).filter(AuditEntry.action.in_(["note", "save_reply"])).count() == 2


def test_saved_replies_are_said_in_the_customers_language_with_names_filled_in(
    shop: Session, lin: Desk, wang: Desk
) -> None:
    wang.done(
        "replies",
        title="问候",
        text_zh="{customer}您好，我是{agent}，看到订单{order}了。",
        text_en="Hello {customer}",
        key=KEY,
    )
    known = proven(shop, "visitor-1", "W2378156", "13812345678").id
    unknown = waiting(shop, "visitor-2", language="en", customer_id=1).id

    (reply,) = lin.seen(f"handovers/{known}/replies")
    assert reply["text"] == "陈思远您好，我是林，看到订单W2378156了。"
    assert lin.seen(f"handovers/{unknown}/replies")[0]["text"] == "Hello "
    changed = wang.done("replies", id=reply["id"], title="问候", text_zh="您好", text_en="Hello", key=f"{KEY}-2")
    assert [one["text_zh"] for one in changed] == ["您好"]
    assert wang.done(f"replies/{reply['id']}/remove") == []
    assert wang.refused(f"replies/{reply['id']}/remove") == (409, "这条常用回复已被删除")


def test_reading_and_typing_are_told_only_by_who_has_it(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/read", number=1)
    assert conversations.presence(shop, ["visitor-1"])["visitor-1"].staff_has_read == 0
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/read", number=1)
    lin.done(f"handovers/{id}/typing")
    known = conversations.presence(shop, ["visitor-1"])["visitor-1"]
    assert (known.staff_has_read, known.staff_is_typing) == (1, True)
    assert mei.refused(f"handovers/{id}/typing")[0] == 409


@pytest.mark.parametrize("text", ["", " \n", "x" * 4_001])
def test_nothing_and_far_too_much_are_not_said(shop: Session, lin: Desk, text: str) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")

    assert lin.refused(f"handovers/{id}/write", text=text, key=KEY)[0] == 409
    assert said(shop, "visitor-1", Sender.AGENT) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("handovers/{id}/write", {"text": 1, "key": KEY}),
        ("handovers/{id}/write", {"text": "x", "key": "short"}),
        ("handovers/{id}/write", {"text": "x"}),
        ("handovers/{id}/read", {"number": "1"}),
        ("handovers/{id}/close", {"reason": "whim"}),
        ("handovers/{id}/notes", {"text": ["x"]}),
    ],
)
def test_malformed_acts_are_refused_and_change_nothing(
    shop: Session, lin: Desk, path: str, body: dict[str, Any]
) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    before = lin.seen(f"handovers/{id}")

    assert lin.refused(path.format(id=id), **body) == (400, "请求有误，请刷新页面再试")
    assert lin.seen(f"handovers/{id}") == before


def test_there_is_no_such_conversation(lin: Desk) -> None:
    assert lin.refused("handovers/999/take") == (409, "没有这个对话")
    assert lin.get("handovers/999").status_code == 409


def test_a_photo_is_shown_to_those_who_may_see_its_conversation(
    shop: Session, lin: Desk, mei: Desk, picture: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = pictures.store(picture)
    id = waiting(shop).id
    conversations.hear(shop, "visitor-1", "", photo=kept)
    other = pictures.store(picture)
    conversations.hear(shop, "visitor-without-handover", "", photo=other)

    shown = lin.get(f"photos/{kept.name}")
    assert shown.status_code == 200 and shown.headers["content-type"].startswith("image/")
    assert [one.get("photo") for one in lin.seen(f"handovers/{id}")["lines"]][-1] == kept.name
    assert lin.get(f"photos/{other.name}").status_code == 404
    assert lin.get("photos/..%2f..%2fshop.db").status_code == 404
    lin.done(f"handovers/{id}/take")
    assert mei.get(f"photos/{kept.name}").status_code == 404
    assert shop.execute(select(Photo.name)).scalars().all()


def test_an_absent_agent_loses_the_conversation_and_the_customer_keeps_their_place(
    shop: Session, address: str, lin: Desk, mei: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = waiting(shop).id, waiting(shop, "visitor-2").id
    lin.done(f"handovers/{first}/take")
    later = clock.now() + timedelta(minutes=4)
    monkeypatch.setattr(clock, "_source", lambda: later)
    mei.done("here")

    assert absence.give_up_conversations_of_the_absent(shop) in ((first,), ())  # the server may have been faster
    shop.expire_all()
    assert [one.id for one in queue.waiting(shop)] == [first, second]
    assert said(shop, "visitor-1")[-1].startswith("抱歉，刚才的同事掉线了")
    assert lin.refused(f"handovers/{first}/write", text="还在吗", key=KEY) == (409, "请先接入这个对话")
    mei.done(f"handovers/{first}/take")
    mei.done("here")
    assert absence.give_up_conversations_of_the_absent(shop) == ()


def test_who_works_from_the_terminal_is_not_missed(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    work.take(shop, waiting(shop).id, "somebody without an account")
    later = clock.now() + timedelta(hours=4)
    monkeypatch.setattr(clock, "_source", lambda: later)

    assert absence.give_up_conversations_of_the_absent(shop) == ()


def test_script_in_every_field_comes_back_as_the_text_it_is(shop: Session, lin: Desk, address: str) -> None:
    script = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    writes(shop, "visitor-1", script)
    id = waiting(shop, wish=script, topic=script[:40], order_number="W1<b>").id
    desk = signed_in(address, "林")
    packet = desk.seen(f"handovers/{id}")

    assert packet["lines"][0]["text"] == script and packet["wish"] == script
    assert packet["topic"] == "其他"
    assert desk.get(f"handovers/{id}").headers["content-type"] == "application/json"


def test_what_is_said_after_it_was_closed_is_not_for_who_closed_it(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    lin.done(f"handovers/{id}/close", reason="solved")
    writes(shop, "visitor-1", "我的新地址是……")

    assert not [one for one in lin.seen(f"handovers/{id}")["lines"] if "新地址" in one["text"]]
    assert lin.seen(f"handovers/{id}/orders")["orders"] == []


def test_a_colleague_who_is_away_gets_nobody(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")

    assert lin.refused(f"handovers/{id}/pass", to="Wang", note="") == (409, "Wang现在不在")
    assert lin.seen(f"handovers/{id}")["is_mine"]


def test_half_characters_are_refused(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    body = f'{{"text": "\\ud800", "key": "{KEY}"}}'.encode()
    headers = {"X-Haoke-CSRF": lin.mark, "Content-Type": "application/json"}

    assert lin.client.post(f"/api/handovers/{id}/write", content=body, headers=headers).status_code == 400

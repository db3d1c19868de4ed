"""Who gets in, and who changes something: nobody but an agent, from the desk's own pages."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk.web.server import Settings
from shop.models import Agent, AuditEntry, SignIn
from tests.desk.web.conftest import PASSWORD, Desk, serving, signed_in, waiting


def test_an_agent_signs_in_and_out(address: str) -> None:
    desk = Desk(address)
    answer = desk.sign_in("林")

    assert answer.json() == {"name": "林", "role": "agent", "language": "zh", "csrf": desk.mark}
    assert desk.seen("me")["name"] == "林"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/desk" in cookie and "Secure" not in cookie
    desk.done("sign-out")
    assert desk.get("me").status_code == 401


def test_a_desk_reached_by_https_sends_its_cookie_over_nothing_else(shop: Session) -> None:
    with serving(Settings(secure_cookie=True)) as address:
        assert "Secure" in Desk(address).sign_in("林").headers["set-cookie"]


def test_a_wrong_password_and_a_name_that_nobody_has_are_one_answer(address: str) -> None:
    wrong, nobody = Desk(address).sign_in("林", "not the password"), Desk(address).sign_in("nobody", PASSWORD)

    assert wrong.status_code == nobody.status_code == 403
    assert wrong.json() == nobody.json()
    assert "set-cookie" not in wrong.headers


def test_after_five_misses_the_right_password_does_not_help_either(address: str) -> None:
    for _ in range(5):
        Desk(address).sign_in("林", "not the password")

    assert Desk(address).sign_in("林").status_code == 403


def test_whoever_tries_many_names_from_one_address_has_to_wait(address: str) -> None:
    answers = [Desk(address).sign_in(f"name {number}") for number in range(21)]

    assert [answer.status_code for answer in answers] == [403] * 20 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    "path",
    [
        *("me", "events", "colleagues", "reasons", "replies", "today", "photos/x.jpg"),
        *("handovers/1", "handovers/1/orders", "handovers/1/orders/W2378156", "handovers/1/replies"),
    ],
)
def test_nothing_is_shown_to_strangers(address: str, path: str) -> None:
    answer = Desk(address, headers={"Accept-Language": "en"}).get(path)

    assert answer.status_code == 401
    assert answer.json() == {"error": "You are signed out. Please sign in again."}


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43, "../../etc/passwd", "' OR 1=1 --"])
def test_a_cookie_that_was_not_given_out_opens_nothing(address: str, cookie: str) -> None:
    assert Desk(address, cookies={"haoke_desk": cookie}).get("me").status_code == 401


def test_who_was_away_too_long_signs_in_again(shop: Session, address: str, lin: Desk) -> None:
    shop.execute(update(SignIn).values(seen_at=SignIn.seen_at))
    for row in shop.execute(select(SignIn)).scalars():
        row.seen_at -= timedelta(hours=3)
    shop.commit()

    assert lin.get("me").status_code == 401


@pytest.mark.parametrize("headers", [{}, {"X-Haoke-CSRF": "guessed"}, {"X-Haoke-CSRF": ""}])
def test_a_change_without_the_pages_own_mark_is_refused(
    shop: Session, address: str, lin: Desk, headers: dict[str, str]
) -> None:
    id = waiting(shop).id
    answer = lin.client.post(f"/api/handovers/{id}/take", json={}, headers=headers)

    assert answer.status_code == 403
    assert lin.seen(f"handovers/{id}")["state"] == "waiting"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_change_from_another_sites_page_is_refused(shop: Session, address: str, lin: Desk, origin: str) -> None:
    id = waiting(shop).id
    headers = {"X-Haoke-CSRF": lin.mark, "Origin": origin}

    assert lin.client.post(f"/api/handovers/{id}/take", json={}, headers=headers).status_code == 403
    assert lin.client.post(f"/api/handovers/{id}/take", json={}, headers={**headers, "Origin": address}).is_success


def test_a_form_of_another_site_cannot_pass_for_the_page(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    headers = {"X-Haoke-CSRF": lin.mark, "Content-Type": "text/plain"}

    assert lin.client.post(f"/api/handovers/{id}/take", content="{}", headers=headers).status_code == 403


def test_one_agents_mark_is_none_of_anothers(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.mark = mei.mark

    assert lin.post(f"handovers/{id}/take").status_code == 403


def test_signing_in_from_another_sites_page_is_refused(address: str) -> None:
    body = {"name": "林", "password": PASSWORD}

    assert httpx.post(f"{address}/desk/api/sign-in", json=body).status_code == 403
    assert httpx.post(f"{address}/desk/api/sign-in", data=body, headers={"X-Haoke-CSRF": "sign-in"}).status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"name": 1, "password": []}', b"\xff\xfe", b"0" * 70_000])
def test_a_strange_body_is_refused_in_a_sentence(address: str, body: bytes) -> None:
    headers = {"X-Haoke-CSRF": "sign-in", "Content-Type": "application/json"}
    answer = httpx.post(f"{address}/desk/api/sign-in", content=body, headers=headers)

    assert answer.status_code in (400, 413)


def test_an_agents_language_is_theirs_everywhere(address: str, lin: Desk) -> None:
    assert lin.done("language", language="en")["language"] == "en"
    assert signed_in(address, "林").seen("me")["language"] == "en"
    assert lin.refused("language", language="fr")[0] == 400


def test_who_else_is_here(shop: Session, lin: Desk, mei: Desk) -> None:
    assert lin.seen("colleagues") == [{"name": "Mei", "is_here": True}, {"name": "Wang", "is_here": False}]
    mei.done("here")
    assert shop.execute(select(Agent.seen_at).where(Agent.name == "Mei")).scalar_one() is not None


def test_signing_in_is_in_the_audit_trail(shop: Session, lin: Desk) -> None:
    actions = shop.execute(select(AuditEntry.actor, AuditEntry.action)).all()
    assert ("林", "sign_in") in [tuple(one) for one in actions]


def test_leads_see_what_agents_may_not(lin: Desk, wang: Desk) -> None:
    assert lin.get("today").status_code == lin.get("replies").status_code == 403
    assert lin.refused("replies", title="a", text_zh="b", text_en="c")[0] == 403
    assert {one["label"] for one in wang.seen("today")["facts"]} >= {"正在等待", "人工评分", "智能客服评分"}


def test_the_pages_are_strict_about_what_they_load(address: str) -> None:
    answer = httpx.get(f"{address}/desk")

    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["../server.py", "%2e%2e/server.py", "..%2fserver.py", "words/../../words.yml"])
def test_only_the_pages_are_served(address: str, path: str) -> None:
    assert httpx.get(f"{address}/desk/{path}").status_code in (404, 400)

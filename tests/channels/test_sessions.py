"""Whose conversation it is: opened by the server, told by a token, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy.orm import Session

from channels.door import COOKIE
from channels.identity import Identity
from channels.settings import Settings
from channels.tokens import SESSION, NotOurs, Tokens
from channels.tokens import secret as secret_of
from channels.web import WebChannel
from shop import account, clock
from shop.models import Customer, Membership
from tests.channels.server import Chat, serving

KEY = "what the shop's site and Haoke both know"


@pytest.fixture(autouse=True)
def real_time() -> Iterator[None]:
    yield
    clock.set_source(lambda: datetime.now(timezone.utc))


def opened(client: httpx.Client, **body: object) -> dict[str, object]:
    response = client.post("/session", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def bearer(opening: dict[str, object]) -> dict[str, str]:
    return {"Authorization": f"Bearer {opening['token']}"}


def customer(shop: Session, name: str = "陈思远") -> int:
    one = Customer(
        name=name,
        email=f"{name}@example.com",
        phone="13812345678",
        language="zh",
        membership=Membership.GOLD,
        joined_at=clock.now(),
        points=0,
    )
    shop.add(one)
    shop.commit()
    return int(one.id)


def word(number: object, *, key: str = KEY, algorithm: str = "HS256", **claims: object) -> str:
    now = clock.now().timestamp()
    usual = {"iss": "shop.example", "aud": "haoke", "sub": str(number), "iat": now, "exp": now + 300}
    return jwt.encode({name: value for name, value in {**usual, **claims}.items() if value is not None}, key, algorithm)


def test_a_rest_client_that_keeps_cookies_needs_nothing_else(site: Chat) -> None:
    first = site.post(json={"message": "hello", "sender": "mallory"})
    second = site.post(json={"message": "again", "sender": "another"})

    assert first.json()[0]["text"] == "You said: hello"
    assert first.json()[0]["recipient_id"] == second.json()[0]["recipient_id"] != "mallory"
    assert len({message.sender_id for message in site.bot.heard}) == 1


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(site: Chat) -> None:
    cookie = site.post(json={"message": "hello"}).headers["set-cookie"].lower()

    assert COOKIE in cookie
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/webhooks/rest" in cookie
    assert "secure" not in cookie
    with serving(WebChannel(Settings(secure_cookie=True))) as chat:
        assert "secure" in chat.post(json={"message": "hello"}).headers["set-cookie"].lower()


def test_a_token_in_the_header_is_its_conversation_from_any_client(site: Chat) -> None:
    opening = opened(site.client)
    with site.new_client(headers=bearer(opening)) as elsewhere:
        said = elsewhere.post("/webhook", json={"message": "hello"}).json()

    assert said[0]["recipient_id"] == opening["conversation"]


def test_opening_again_goes_on_with_the_conversation_and_renews_its_token(site: Chat) -> None:
    first = opened(site.client)
    clock.set_source(lambda: datetime.now(timezone.utc) + timedelta(hours=20))
    second = opened(site.client)
    clock.set_source(lambda: datetime.now(timezone.utc) + timedelta(hours=40))
    third = opened(site.client)

    assert (first["is_new"], second["is_new"], third["is_new"]) == (True, False, False)
    assert first["conversation"] == second["conversation"] == third["conversation"]


def test_who_wants_to_begin_afresh_gets_a_new_conversation(site: Chat) -> None:
    first, second = opened(site.client), opened(site.client, fresh=True)

    assert second["is_new"]
    assert first["conversation"] != second["conversation"] == opened(site.client)["conversation"]


def test_two_customers_never_share_a_conversation(site: Chat) -> None:
    with site.new_client() as another:
        assert opened(site.client)["conversation"] != opened(another)["conversation"]


@pytest.mark.parametrize("path", ["/webhook", "/read", "/typing"])
@pytest.mark.parametrize("spoilt", ["altered", "expired", "for a choice", "unsigned", "of another key", "nonsense"])
def test_a_token_that_is_not_ours_opens_nothing(site: Chat, secret: str, path: str, spoilt: str) -> None:
    opening = opened(site.client)
    good = str(opening["token"])
    claims = {"aud": SESSION, "sub": opening["conversation"], "exp": clock.now().timestamp() + 60}
    tokens = {
        "altered": good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB"),
        "expired": jwt.encode({**claims, "exp": clock.now().timestamp() - 1}, secret, "HS256"),
        "for a choice": jwt.encode({**claims, "aud": "haoke.choice"}, secret, "HS256"),
        "unsigned": jwt.encode(claims, None, "none"),
        "of another key": jwt.encode(claims, "another secret, as long as it has to be", "HS256"),
        "nonsense": "nonsense",
    }
    with site.new_client(headers={"Authorization": f"Bearer {tokens[spoilt]}"}) as stranger:
        response = stranger.post(path, json={"message": "hello", "number": 1})
        events = stranger.get("/events")

    assert response.status_code == events.status_code == 401
    assert site.heard() == []


def test_a_cookie_that_is_not_ours_begins_a_new_conversation(site: Chat) -> None:
    with site.new_client(cookies={COOKIE: "nonsense"}) as stranger:
        assert stranger.post("/webhook", json={"message": "hello"}).status_code == 200


def test_a_sender_in_the_body_opens_nobodys_conversation(site: Chat) -> None:
    mine = opened(site.client)
    with site.new_client() as stranger:
        said = stranger.post("/webhook", json={"message": "hello", "sender": mine["conversation"]}).json()
        assert said[0]["recipient_id"] != mine["conversation"]
        assert stranger.get("/events", params={"sender": mine["conversation"]}).json()["messages"][0]["text"] == "hello"


@pytest.mark.parametrize("path", ["/session", "/webhook", "/read", "/typing"])
def test_a_page_of_a_strange_site_is_refused(site: Chat, path: str) -> None:
    response = site.client.post(path, json={"message": "hi"}, headers={"Origin": "https://evil.example"})

    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_the_pages_of_a_named_site_may_talk_with_a_token_but_not_with_cookies(shop: Session) -> None:
    with serving(WebChannel(Settings(origins=("https://shop.example",)))) as chat:
        asked = chat.client.options("/webhook", headers={"Origin": "https://shop.example"})
        answer = chat.client.post("/session", headers={"Origin": "https://shop.example"})

        for response in (asked, answer):
            assert response.headers["access-control-allow-origin"] == "https://shop.example"
            assert "authorization" in response.headers["access-control-allow-headers"].lower()
            assert "access-control-allow-credentials" not in response.headers
        other = chat.client.options("/webhook", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


# A shop's site vouches for its customer

WITH_SITE = Settings(identity=Identity(KEY, audience="haoke", issuer="shop.example"))


def test_who_is_vouched_for_is_verified_from_the_first_message(shop: Session) -> None:
    number = customer(shop)
    with serving(WebChannel(WITH_SITE)) as chat:
        opening = opened(chat.client, identity=word(number))

    shop.rollback()
    assert account.recognise(shop, str(opening["conversation"])).customer_id == number


def test_an_rs256_word_is_believed_by_its_public_key(shop: Session, tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = tmp_path / "site.pem"
    public.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    settings = {"key_file": str(public), "audience": "haoke", "issuer": "shop.example", "algorithm": "RS256"}
    number = customer(shop)
    with serving(WebChannel.from_credentials({"identity": settings})) as chat:
        assert opened(chat.client, identity=word(number, key=pem, algorithm="RS256"))["is_new"]
        signed_with_the_public_key = chat.client.post("/session", json={"identity": word(number)})
        assert signed_with_the_public_key.status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another shop"},
        {"aud": None},
        {"iss": "evil.example"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": 4_000_000_000, "exp": 4_000_000_100},
        {"exp": 4_000_000_000},
        {"sub": None},
        {"sub": "emma"},
        {"sub": "999999"},
        {"key": "another site's key, as long as it has to be"},
    ],
)
def test_a_word_that_is_not_the_shops_is_refused_without_a_hint(shop: Session, claims: dict[str, object]) -> None:
    number = customer(shop)
    with serving(WebChannel(WITH_SITE)) as chat:
        response = chat.client.post("/session", json={"identity": word(number, **claims)})  # type: ignore[arg-type]

        assert response.status_code == 403
        assert response.json() == {"error": "The shop's word for this customer is not accepted."}
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize("identity", ["x", 5, [], {"sub": 1}])
def test_without_a_site_nobody_is_vouched_for(site: Chat, identity: object) -> None:
    assert site.client.post("/session", json={"identity": identity}).status_code == 403


def test_another_customer_at_the_same_browser_gets_a_conversation_of_their_own(shop: Session) -> None:
    first, second = customer(shop), customer(shop, "Emma")
    with serving(WebChannel(WITH_SITE)) as chat:
        one = opened(chat.client, identity=word(first))
        same = opened(chat.client, identity=word(first))
        other = opened(chat.client, identity=word(second))

    assert one["conversation"] == same["conversation"] != other["conversation"]
    shop.rollback()
    assert account.recognise(shop, str(one["conversation"])).customer_id == first
    assert account.recognise(shop, str(other["conversation"])).customer_id == second


# What everything is signed with


def test_the_secret_is_made_once_and_its_owner_alone_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAOKE_SECRET")
    file = tmp_path / "var/secret"

    assert secret_of(file) == secret_of(file)
    assert len(secret_of(file)) >= 48
    assert file.stat().st_mode & 0o077 == 0
    assert list(file.parent.iterdir()) == [file]


def test_a_short_secret_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAOKE_SECRET", "short")
    with pytest.raises(ValueError, match="32"):
        secret_of(tmp_path / "secret")


def test_a_token_ends_when_it_says(secret: str) -> None:
    tokens = Tokens(secret, session_seconds=60)
    token = tokens.for_session("web-1")
    assert tokens.conversation(token) == "web-1"
    clock.set_source(lambda: datetime.now(timezone.utc) + timedelta(seconds=61))
    with pytest.raises(NotOurs):
        tokens.conversation(token)


def test_a_conversation_stays_its_customers_when_their_proof_has_lapsed(shop: Session) -> None:
    first, second = customer(shop), customer(shop, "Emma")
    with serving(WebChannel(WITH_SITE)) as chat:
        one = opened(chat.client, identity=word(first))
        clock.set_source(lambda: datetime.now(timezone.utc) + timedelta(hours=2))
        other = opened(chat.client, identity=word(second))

    assert one["conversation"] != other["conversation"]

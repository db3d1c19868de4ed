"""What credentials.yml may set under `channels.web.WebChannel`; docs/web-chat.md lists it, and a test compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from rasa.shared.exceptions import InvalidConfigException

from channels.identity import Identity


def setting(default: Any, means: str) -> Any:
    return field(default=default, metadata={"means": means})


@dataclass(frozen=True)
class Settings:
    max_message_characters: int = setting(2_000, "a longer message is answered with this limit")
    max_body_bytes: int = setting(64 * 1024, "a larger request is refused")
    answer_within_seconds: float = setting(50, "later than this, the customer hears that it takes too long")
    session_hours: float = setting(24, "how long a conversation stays open to its customer after their last visit")
    messages_a_minute: int = setting(30, "of one conversation")
    messages_a_minute_per_address: int = setting(120, "of all conversations from one address")
    sessions_an_hour_per_address: int = setting(60, "new conversations from one address")
    photos_an_hour: int = setting(20, "that one customer may send")
    photos_an_hour_per_address: int = setting(100, "of all customers from one address")
    streams_per_conversation: int = setting(6, "event streams open at once: windows and tabs of one customer")
    streams_per_address: int = setting(60, "event streams open at once from one address")
    heartbeat_seconds: float = setting(15, "how often a quiet event stream shows that it is alive; stay below 60")
    counts_in: str = setting("memory://", "where the limits count, each worker for itself; or `redis://…`, all as one")
    origins: tuple[str, ...] = setting((), "sites, as https://shop.example, whose pages may talk to the bot")
    secure_cookie: bool = setting(False, "send the cookie over https only: true wherever customers come by https")
    proxies: int = setting(0, "how many proxies of yours stand before the bot, so that the customer's address is read")
    trusts_sender: bool = setting(False, "believe `sender`, as Rasa's own channel does: for work on your own machine")
    secret_file: str = setting("var/secret", "what tokens are signed with where HAOKE_SECRET is not set; made once")
    identity: Identity | None = field(default=None, metadata={"means": "how your site vouches for its customers"})

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(one.default, bool) or one.name == "proxies":
                continue
            if isinstance(one.default, (int, float)) and not _is_positive(value):
                raise InvalidConfigException(f"credentials.yml: {one.name} has to be a number above zero.")

    @classmethod
    def of(cls, credentials: Mapping[str, Any] | None) -> Settings:
        """As written in credentials.yml; refuses what it does not know, lest a limit be misspelt."""
        given = dict(credentials or {})
        unknown = sorted(given.keys() - {one.name for one in fields(cls)})
        if unknown:
            raise InvalidConfigException(f"credentials.yml: WebChannel has no setting {', '.join(unknown)}.")
        for one in fields(cls):
            if one.name in given:
                _refuse_strange(one.name, one.default, given[one.name])
        if "origins" in given:
            given["origins"] = tuple(origin.rstrip("/") for origin in given["origins"])
        if given.get("identity") is not None:
            try:
                given["identity"] = Identity.from_settings(given["identity"])
            except (ValueError, OSError) as error:
                raise InvalidConfigException(f"credentials.yml: identity: {error}") from None
        return cls(**given)


def _is_positive(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and value > 0


def _refuse_strange(name: str, default: Any, value: Any) -> None:
    is_usable = True
    if isinstance(default, bool):
        is_usable = isinstance(value, bool)
    elif isinstance(default, str):
        is_usable = isinstance(value, str)
    elif isinstance(default, tuple):
        is_usable = isinstance(value, list) and all(isinstance(one, str) for one in value)
    elif name == "proxies":
        is_usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif name == "identity":
        is_usable = value is None or isinstance(value, dict)
    if not is_usable:
        raise InvalidConfigException(f"credentials.yml: {name} cannot be {value!r}.")

"""What the channel signs: whose conversation it is, and which buttons were offered in it (JWT, RFC 7519)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import jwt

from channels.incoming import CHOICE_SIGN
from desk.conversations import Choice
from shop import clock

ALGORITHM = "HS256"
SESSION, CHOICE = "haoke.session", "haoke.choice"  # the audience: a token for one is none for the other
BYTES_OF_A_SECRET, BYTES_OF_A_NAME = 48, 18
LEAST_CHARACTERS = 32
TOKENS_KEPT = 4_096


class NotOurs(Exception):
    """A token that was not made here, was altered, has expired or is for something else. Nobody is told which."""


class Tokens:
    def __init__(self, secret: str, *, session_seconds: float) -> None:
        self._secret = secret
        self.session_seconds = int(session_seconds)
        self._renewed_every = max(1, self.session_seconds // 1_000)
        self._signed = lru_cache(TOKENS_KEPT)(self._sign)
        self._claims = lru_cache(TOKENS_KEPT)(self._check)

    def for_session(self, conversation: str) -> str:
        """The same one for a thousandth of its life: a conversation's messages need not each be given another."""
        now = int(clock.now().timestamp())
        begin = now - now % self._renewed_every
        return self._signed(aud=SESSION, sub=conversation, iat=begin, exp=begin + self.session_seconds)

    def conversation(self, token: str) -> str:
        """Whose token it is. Raises NotOurs."""
        return str(self._read(token, SESSION)["sub"])

    def for_choice(self, conversation: str, choice: Choice) -> str:
        """A button's payload. It ends with the conversation, so it needs no end of its own."""
        return CHOICE_SIGN + self._signed(aud=CHOICE, sub=conversation, n=choice.number, i=choice.index)

    def choice(self, payload: str, conversation: str) -> Choice:
        """Which button of this conversation it is. Raises NotOurs."""
        claims = self._read(payload.removeprefix(CHOICE_SIGN), CHOICE)
        if claims["sub"] != conversation:
            raise NotOurs
        return Choice(int(claims["n"]), int(claims["i"]))

    def _sign(self, **claims: object) -> str:
        return jwt.encode(claims, self._secret, ALGORITHM)

    def _read(self, token: str, audience: str) -> Mapping[str, object]:
        claims = self._claims(token, audience)
        if "exp" in claims and claims["exp"] <= clock.now().timestamp():
            raise NotOurs
        return claims

    def _check(self, token: str, audience: str) -> Mapping[str, object]:
        """What a token of ours says, at whatever time."""
        needed = ["aud", "sub", *(["exp"] if audience == SESSION else ["n", "i"])]
        try:
            # the time is compared in `_read`, by the shop's clock
            options = {"require": needed, "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self._secret, [ALGORITHM], audience=audience, options=options)
        except jwt.InvalidTokenError:
            raise NotOurs from None
        return MappingProxyType(claims)


def new_conversation() -> str:
    """A name that nobody guesses: 144 random bits."""
    return f"web-{secrets.token_urlsafe(BYTES_OF_A_NAME)}"


def secret(file: Path) -> str:
    """What everything is signed with: HAOKE_SECRET, or a file made once, that its owner alone may read.

    Raises ValueError where HAOKE_SECRET is too short to keep anybody out.
    """
    given = os.environ.get("HAOKE_SECRET")
    if given:
        if len(given) < LEAST_CHARACTERS:
            raise ValueError(f"HAOKE_SECRET has to have {LEAST_CHARACTERS} characters or more.")
        return given
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as made:
            made.write(secrets.token_urlsafe(BYTES_OF_A_SECRET))
        os.link(draft, file)  # whole or not at all, and never over one that another worker has made
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return file.read_text().strip()

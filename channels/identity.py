"""A shop's site vouches for its customer: who has signed in there need prove nothing here.

The site signs a short-lived JWT with a key that it shares with Haoke, or with the private half of one whose public
half Haoke has. `sub` is the customer's number in the shop's database, `aud` the name that Haoke goes by at this site,
`iat` and `exp` when it was made and when it ends, at most ten minutes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jwt

from shop import clock

ALGORITHMS = ("HS256", "RS256")
LONGEST_SECONDS = 600
LEEWAY_SECONDS = 5  # for the site's clock
LEAST_CHARACTERS = 32


class NotVouchedFor(Exception):
    """Not a word of the shop's site about this customer. Nobody is told what is wrong with it."""


@dataclass(frozen=True)
class Identity:
    """How a site's tokens are told from others. `key` is the shared secret, or the public key (PEM) for RS256."""

    key: str
    audience: str
    issuer: str
    algorithm: str = "HS256"

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"`algorithm` is one of {', '.join(ALGORITHMS)}.")
        if not (self.audience and self.issuer):
            raise ValueError("`audience` and `issuer` have to be given.")
        if self.algorithm == "HS256" and len(self.key) < LEAST_CHARACTERS:
            raise ValueError(f"`key` has to have {LEAST_CHARACTERS} characters or more.")

    @classmethod
    def from_settings(cls, settings: dict[str, str]) -> Identity:
        """As credentials.yml gives it; `key_file` names a file in place of `key`. Raises ValueError."""
        given = dict(settings)
        if "key_file" in given:
            given["key"] = Path(given.pop("key_file")).read_text(encoding="utf-8").strip()
        unknown = sorted(given.keys() - set(cls.__dataclass_fields__))
        if unknown or "key" not in given:
            raise ValueError(f"`identity` knows no {', '.join(unknown)}." if unknown else "`identity` needs a key.")
        return cls(**{"audience": "", "issuer": "", **given})

    def customer(self, token: str) -> int:
        """The number of the customer it speaks for. Raises NotVouchedFor."""
        now = clock.now().timestamp()
        # the times are compared here, by the shop's clock
        options = {"require": ["aud", "iss", "sub", "iat", "exp"], "verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(
                token, self.key, [self.algorithm], audience=self.audience, issuer=self.issuer, options=options
            )
            made, ends, number = float(claims["iat"]), float(claims["exp"]), int(claims["sub"])
        except (jwt.InvalidTokenError, TypeError, ValueError):
            raise NotVouchedFor from None
        is_short_lived = ends - made <= LONGEST_SECONDS
        is_now = made - LEEWAY_SECONDS <= now < ends + LEEWAY_SECONDS
        if not (is_short_lived and is_now):
            raise NotVouchedFor
        return number

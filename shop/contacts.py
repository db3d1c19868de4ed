"""E-mail addresses, phones, postal codes and street addresses as people write them: made comparable, checked, compared.

What a visitor claims is compared in constant time with what is on record, so that the time of a refusal tells nothing.
"""

from __future__ import annotations

import hmac
import re
import unicodedata

from shop.errors import InvalidAddress, InvalidContact

SHORTEST_PHONE = 7
LONGEST_PHONE = 15  # ITU-T E.164
LONGEST_COUNTRY_CODE = 3
LONGEST_EMAIL = 120
NEVER_IN_ADDRESSES = frozenset("<>{}|\\;")

EMAIL = re.compile(r"[^\s@<>\"',;()]{1,64}@[^\s@<>\"',;()/]{1,190}\.[^\W\d_]{2,24}")
PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]*")
CHINESE_MOBILE_WITH_COUNTRY = re.compile(r"86(1[3-9][0-9]{9})")
POSTAL_CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9 -]{1,10})[A-Z0-9]")


def storable(text: str, length: int) -> str:
    """A claim as any database can hold it and look for it: without broken characters, and cut off."""
    return text.strip().encode("utf-8", "replace").decode()[:length]


def plain_email(text: str) -> str:
    """One spelling of an address: NFKC, case-folded."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def plain_postal_code(text: str) -> str:
    """One spelling of a postal code: NFKC, case-folded, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def is_same_email(claimed: str, on_record: str) -> bool:
    return _is_same(plain_email(claimed), plain_email(on_record))


def is_same_postal_code(claimed: str, on_record: str) -> bool:
    return _is_same(plain_postal_code(claimed), plain_postal_code(on_record))


def is_same_phone(claimed: str, on_record: str) -> bool:
    """Whether two numbers reach the same phone; the country code may be missing in one of them."""
    ours, ours_has_country = _dialled(on_record)
    theirs, theirs_has_country = _dialled(claimed)
    if ours_has_country == theirs_has_country:
        return _is_same(theirs, ours) and len(ours) >= SHORTEST_PHONE
    full, national = (ours, theirs) if ours_has_country else (theirs, ours)
    surplus = len(full) - len(national)
    is_within_country = _is_same(full[max(surplus, 0) :], national) and surplus <= LONGEST_COUNTRY_CODE
    return is_within_country and len(national) >= SHORTEST_PHONE


def are_last_four(claimed: str, phone: str) -> bool:
    """Whether the claim is exactly four digits, those the phone ends in."""
    digits = unicodedata.normalize("NFKC", claimed).strip()
    dialled, _ = _dialled(phone)
    is_equal = _is_same(digits, dialled[-4:])
    return is_equal and re.fullmatch("[0-9]{4}", digits) is not None and len(dialled) >= SHORTEST_PHONE


def checked_email(text: str) -> str:
    """An e-mail address as the shop keeps it. Raises InvalidContact."""
    email = plain_email(text)
    if len(email) > LONGEST_EMAIL or ".." in email or EMAIL.fullmatch(email) is None:
        raise InvalidContact
    return email


def checked_phone(text: str) -> str:
    """A phone number as the shop keeps it: as written, tidied. Raises InvalidContact."""
    phone = " ".join(unicodedata.normalize("NFKC", text).split())
    dialled, _ = _dialled(phone)
    if not SHORTEST_PHONE <= len(dialled) <= LONGEST_PHONE or len(phone) > 32:
        raise InvalidContact
    mobile = CHINESE_MOBILE_WITH_COUNTRY.fullmatch(dialled)
    return mobile.group(1) if mobile else phone


def checked_address(text: str) -> str:
    """Street and building, tidied: 5 to 200 printable characters, letters or Han among them. Raises InvalidAddress."""
    address = " ".join(text.split())
    letters = sum(character.isalpha() for character in address)
    is_clean = address.isprintable() and not NEVER_IN_ADDRESSES.intersection(address)
    if not 5 <= len(address) <= 200 or letters < 2 or not is_clean:
        raise InvalidAddress
    return address


def checked_postal_code(text: str) -> str:
    """A postal code, tidied. Raises InvalidAddress."""
    code = " ".join(unicodedata.normalize("NFKC", text).upper().split())
    if POSTAL_CODE.fullmatch(code) is None or not any(character.isdigit() for character in code):
        raise InvalidAddress
    return code


def _dialled(text: str) -> tuple[str, bool]:
    """The digits of a phone number and whether they begin with a country code; no digits where it is no number."""
    phone = unicodedata.normalize("NFKC", text).replace("(0)", "").strip()
    if PHONE.fullmatch(phone) is None:
        return "", False
    digits = re.sub("[^0-9]", "", phone)
    if phone.startswith("+"):
        return digits, True
    if digits.startswith("00"):
        return digits[2:], True
    if CHINESE_MOBILE_WITH_COUNTRY.fullmatch(digits):
        return digits, True
    return digits.removeprefix("0"), False


def _is_same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))

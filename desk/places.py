"""Where requests come from, for whoever counts them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

BITS_OF_A_NETWORK = 64  # what a line is given of IPv6; whoever has it may take any address in it


def place_of(address: str) -> str:
    """What an address counts as: one of IPv4 as itself, one of IPv6 as its network."""
    try:
        read = ip_address(address.strip("[]"))
    except ValueError:
        return address  # a proxy may say anything
    if isinstance(read, IPv4Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(IPv6Network((int(read), BITS_OF_A_NETWORK), strict=False))

"""Whether an address can be reached from this machine only."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def is_loopback(address: str | None) -> bool:
    """Whether a server bound to `address` can be reached from this machine only.

    Args:
        address: An IP address, or `localhost`. A name is not looked up: what it means can change.
    """
    if not address:
        return False  # all interfaces
    name = address.strip().strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = ip_address(name)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped.is_loopback
    return found.is_loopback


def host_of(header: str) -> str:
    """The name or address in a request's `Host`, without the port; "" where there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""

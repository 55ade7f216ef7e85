"""Whether an address is this machine."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine by its spelling alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

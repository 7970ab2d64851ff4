"""Which addresses are not of the open internet: where a server must not be sent by others (SSRF).

OWASP's server-side request forgery cheat sheet; RFC 6890 and IANA's special-purpose registries, as
``ipaddress`` knows them, and what they leave out.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Publicly routable by its number, but answered by the cloud's own machinery (Azure's host).
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
# IPv6 that stands for an IPv4 address behind a translator: NAT64 (RFC 6052, RFC 8215).
_TRANSLATED = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48")
)
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")


def is_loopback(address: Address) -> bool:
    """Whether it is this machine, also when written as IPv6 (``::ffff:127.0.0.1``)."""
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_internal(address: Address) -> bool:
    """Whether it is anything but a public unicast address: private, loopback, link-local,
    carrier-grade NAT, multicast, reserved, a cloud's metadata, or one of those in IPv6 clothes."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_internal(address.ipv4_mapped)
        # Tunnels and translators lead to an IPv4 address of somebody else's choice.
        if address.sixtofour is not None or address.teredo is not None or address in _SITE_LOCAL:
            return True
        if any(address in network for network in _TRANSLATED):
            return True
    return not address.is_global or address.is_multicast or address in _METADATA

"""Which addresses are not of the open internet: where a server must not be sent by others (SSRF).

OWASP's server-side request forgery cheat sheet; RFC 6890 and IANA's special-purpose registries, as
``ipaddress`` knows them, and what they leave out.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Publicly routable by its number, but answered by the cloud's own machinery (Azure's host).
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
# IANA's "IPv6 Global Unicast Address Assignments": all that is given to anybody is in here, and
# what is outside stands for IPv4 in some old way (``::127.0.0.1``) or for nobody.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# For documentation (RFC 9637), and where 6to4 began (RFC 7526).
_NOBODYS_IPV6 = ipaddress.IPv6Network("3fff::/20")
_NOBODYS_IPV4 = ipaddress.IPv4Network("192.88.99.0/24")


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
        # Tunnels lead to an IPv4 address of somebody else's choice, as translators do (NAT64's
        # 64:ff9b::/96, RFC 6052), which are not among the global ones.
        if address.sixtofour is not None or address.teredo is not None:
            return True
        if address not in _GLOBAL_UNICAST or address in _NOBODYS_IPV6:
            return True
    elif address in _NOBODYS_IPV4:
        return True
    return not address.is_global or address.is_multicast or address in _METADATA

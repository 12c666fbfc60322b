"""Where a request comes from: what the network says, or what a proxy says that was named as trusted.

The rates and the failed sign-ins of :mod:`app.central.limits` and :mod:`app.central.tries` are counted by it. Whoever
could write it freely would never be counted, so ``X-Forwarded-For`` of anybody else than a named proxy is not read.
"""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

from app.errors import UserError

_HOUSEHOLD = 64
"""An IPv6 connection is given so many leading bits, and chooses the rest as it likes."""


def address_of(request: HTTPConnection) -> str:
    """Return what a request without a token is counted under: its IPv4 address, or the leading half of its IPv6."""
    stated = request.client.host if request.client else ""
    try:
        address = ip_address(stated.partition("%")[0])
    except ValueError:
        return stated[:100]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, _HOUSEHOLD), strict=False))
    return str(address)


def trusted_proxies(named: Iterable[str]) -> tuple[str, ...]:
    """Return the proxies that an operator named, as addresses and networks.

    Raises:
        UserError: one is neither, or it would trust everybody; nothing was started.
    """
    return tuple(_trusted(each.strip()) for each in named if each.strip())


def _trusted(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise UserError(
            f"{text} is not an address or a network such as 10.0.0.0/28. Nothing was started.", "trust_proxy"
        ) from error
    if not network.prefixlen:
        raise UserError(f"{text} would trust everybody. Name the proxy's own address. Nothing was started.")
    return str(network.network_address) if network.num_addresses == 1 else str(network)

"""Which addresses may be reached: judged as written, and again after the name is looked up.

Belongs here: the allow-list of origins, the policy for addresses, and the connection that is made
to the very address that was judged. Does not belong here: requests, redirects, tokens (``http``).

Checking a name and then letting a library look it up again would leave a moment in between, and
whoever owns the name could answer differently the second time (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import cast
from urllib.parse import urlsplit

import httpcore
import httpx

from pipelines.catalogue.profiles import SourceProfile, is_this_machine, origin_of
from pipelines.clients.bulk.errors import ExportError, place

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
_LONGEST_URL = 8192
_PLAIN_URL = re.compile(r"[\x21-\x7e]+")
# Clouds answer here with credentials of the machine; no profile opens it.
_METADATA = tuple(ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def look_up(host: str, port: int) -> Sequence[str]:
    """Addresses of a host, as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Gate:
    """Judges addresses for one profile.

    Args:
        profile: The profile.
        resolve: Looks names up.
    """

    def __init__(self, profile: SourceProfile, resolve: Resolve = look_up) -> None:
        self.base_origin = profile.base_origin
        self._output = {self.base_origin, *profile.site.output_origins}
        self._token = {self.base_origin, *profile.site.token_origins}
        self._networks = tuple(ipaddress.ip_network(text) for text in profile.site.networks)
        self._resolve = resolve

    def check_output(self, url: str) -> str:
        """Refuse an address from which no file may be fetched.

        Args:
            url: As the server gave it.

        Returns:
            Its origin.

        Raises:
            ExportError: ``origin_refused``.
        """
        return self._check(url, self._output, "output_origins")

    def check_server(self, url: str) -> str:
        """Refuse an address that is not the server's own.

        Raises:
            ExportError: ``origin_refused``.
        """
        return self._check(url, {self.base_origin}, "base_url")

    def check_token(self, url: str) -> str:
        """Refuse an address to which no signed assertion may be sent.

        Raises:
            ExportError: ``origin_refused``.
        """
        return self._check(url, self._token, "token_origins")

    def _check(self, url: str, allowed: set[str], field: str) -> str:
        plain = len(url) <= _LONGEST_URL and _PLAIN_URL.fullmatch(url) and "\\" not in url
        try:
            # Two readers of one address must agree on where it leads.
            agreed = plain and (httpx.URL(url).host or "").lower() == (urlsplit(url).hostname or "")
            origin = origin_of(url) if agreed else None
        except (ValueError, httpx.InvalidURL):
            origin = None
        if origin is None or origin not in allowed:
            raise ExportError(
                "origin_refused",
                f"{place(url)}: expected an address of {', '.join(sorted(allowed))}. Nothing was "
                f"sent there. If it is right, name its origin under {field} in the profile.",
                closes_job=True,
            )
        return origin

    def addresses(self, host: str, port: int) -> list[str]:
        """Addresses of a host, all of which may be reached.

        Raises:
            ExportError: ``address_refused``: one of them may not, or none was found.
        """
        try:
            found = self._resolve(host, port)
        except OSError:
            raise httpcore.ConnectError(f"{host} cannot be looked up") from None
        for text in found:
            self._check_address(host, text)
        if not found:
            raise httpcore.ConnectError(f"{host} has no address")
        return list(found)

    def _check_address(self, host: str, text: str) -> None:
        address = _inner(ipaddress.ip_address(text.partition("%")[0]))
        if self._may_be_reached(host, address):
            return
        raise ExportError(
            "address_refused",
            f"{host}: its name leads to {address}, which is inside a network that the profile does "
            "not name. Nothing was sent there. If the server does lie there, name the network "
            "under networks in the profile.",
        )

    def _may_be_reached(self, host: str, address: Address) -> bool:
        if address in _METADATA or address.is_link_local or address.is_multicast:
            return False
        if address.is_unspecified or address.is_reserved:
            return False
        if is_this_machine(host):
            # Only an allowed origin gets here, and this one can mean nothing else.
            return address.is_loopback
        if address.is_loopback:
            return False
        if any(address in network for network in self._networks):
            return True
        return address.is_global or str(address) == host


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that the gate has judged, and to no others.

    Args:
        gate: The gate.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Look up, judge, and connect to what was judged."""
        failed: Exception | None = None
        for address in self._gate.addresses(host, port):
            try:
                return self._system.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise cast("Exception", failed)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """No server of a profile is a file."""
        raise httpcore.ConnectError("sockets in the file system are not used")

    def sleep(self, seconds: float) -> None:
        """Wait between two tries to connect."""
        self._system.sleep(seconds)

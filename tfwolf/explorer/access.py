"""Who may use the explorer: checks of the host name, of the page and of the token of a request."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import urllib.parse
from collections.abc import Iterable, Mapping
from email.message import Message

from tfwolf.explorer.refusal import Refusal

LOOPBACK = ('localhost', '127.0.0.1', '::1')
TOKEN = 'token'
FORBIDDEN = 403


class Access:
    """Decides which requests are answered.

    The host name protects against DNS rebinding: the browser sends the name of the page that makes
    a request, also if that name was changed to point to this machine. An address cannot be changed
    so. Where other machines reach the server, a token protects it from them.

    Args:
        host: name or address that the server listens on.
        address: the address of that name.
        port: number that the server listens on.
        allowed_hosts: further names under which the page is opened.

    Attributes:
        token: text that requests must have, in the address or in a cookie; None on this machine.
    """

    def __init__(
        self, host: str, address: str, port: int, allowed_hosts: Iterable[str] = ()
    ) -> None:
        self._is_local = ipaddress.ip_address(address).is_loopback
        own = () if self._is_local else _names_of_machine()
        self._allowed = {name.lower() for name in allowed_hosts}
        self._names = {*LOOPBACK, host.lower(), *own, *self._allowed}
        self._cookie = f'tfwolf-{port}'
        self.token: str | None = (
            None if self._is_local and not self._allowed else secrets.token_urlsafe(24)
        )

    def check(self, headers: Message, query: str) -> None:
        """Check the sender of a request.

        Args:
            headers: the headers of the request.
            query: the part of its address after '?'.

        Raises:
            Refusal: if the request must not be answered.
        """
        host = headers.get('Host', '')
        name = _host_name(host)
        if name not in self._names and (self._is_local or not _is_address(name)):
            raise Refusal(
                f'Open this page at http://localhost, not at {host[:80]!r}.'
                if self._is_local
                else f'This page is not served under the name {host[:80]!r}; the command '
                '`tfwolf explore --allowed_hosts=NAME` allows one.',
                FORBIDDEN,
            )
        origin = headers.get('Origin')
        if origin is not None:
            of_page = origin.partition('://')[2]
            # A proxy may pass on another host name than that of the page.
            if of_page != host and _host_name(of_page) not in self._allowed:
                raise Refusal('The request comes from another page.', FORBIDDEN)
        if self.token is not None and not (
            self.has_token(query) or _same(self._of_cookie(headers), self.token)
        ):
            raise Refusal(
                'Open the address with the token that `tfwolf explore` printed.', FORBIDDEN
            )

    def has_token(self, query: str) -> bool:
        """Return whether the part of an address after '?' has the token."""
        try:
            found = urllib.parse.parse_qs(query, max_num_fields=10).get(TOKEN, [''])
        except ValueError:
            return False
        return self.token is not None and _same(found[0], self.token)

    def headers(self) -> Mapping[str, str]:
        """Return the headers that make a browser keep the token."""
        # Lax: a link to the page, from a message for example, must work.
        return {'Set-Cookie': f'{self._cookie}={self.token}; HttpOnly; SameSite=Lax; Path=/'}

    def _of_cookie(self, headers: Message) -> str:
        for part in headers.get('Cookie', '').split(';'):
            name, _, value = part.strip().partition('=')
            if name == self._cookie:
                return value
        return ''


def check_names(names: Iterable[str]) -> None:
    """Check that host names consist of a name only.

    Raises:
        ValueError: naming the first that does not.
    """
    for name in names:
        if not name or _host_name(f'[{name}]' if ':' in name else name) != name.lower():
            raise ValueError(
                '--allowed_hosts must be comma-separated host names without protocol and port, '
                f'such as wolf.example.org; got {name!r}.'
            )


def _names_of_machine() -> set[str]:
    name = socket.gethostname().lower()
    return {name, name.partition('.')[0]} - {''}


def _host_name(host: str) -> str:
    """Return the name of 'NAME' or 'NAME:PORT' in lower case, '' if it has none."""
    try:
        return urllib.parse.urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return ''


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode('utf-8', 'replace'), other.encode())

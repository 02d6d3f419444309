"""Free ports: those we choose, and those that were asked for."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from secrets import SystemRandom

from services.up.errors import CannotStart

_OURS = range(20_000, 32_000)
"""Below the ports that Linux and macOS give to outgoing connections: one of those could take a server's port while it
restarts, even that of a client which tries again and again to reach the very server."""


def free_ports(hosts: tuple[str, ...]) -> tuple[int, ...]:
    """Choose a different free port for each of these addresses; nobody holds them, so use them soon."""
    candidates = iter(SystemRandom().sample(_OURS, k=len(_OURS)))
    with ExitStack() as held:
        return tuple(held.enter_context(_first_free(host, candidates)).getsockname()[1] for host in hosts)


def require_free(host: str, port: int, option: str) -> None:
    """Refuse a port on which a server could not listen, naming the option that changes it."""
    try:
        _bound(host, port).close()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} is in use; choose another with {option} (0 takes a free one)") from None
        raise CannotStart(
            f"cannot listen on {host} port {port}: {problem.strerror}; choose another with {option}"
        ) from None


def _first_free(host: str, candidates: Iterator[int]) -> socket.socket:
    for port in candidates:
        try:
            return _bound(host, port)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise CannotStart(f"cannot listen on {host}: {problem.strerror}") from None
    raise CannotStart(f"no free port on {host} between {_OURS.start} and {_OURS.stop}")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: a port just left is free
        listener.bind(address)
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener

"""Start the dashboard: `python -m dashboard --gateway http://127.0.0.1:8000`."""

import argparse
import socket
import sys
from collections.abc import Sequence

import uvicorn
from pydantic import ValidationError

from dashboard.login import LOOPBACK
from dashboard.server import Secrets, create_app, served_hosts


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        secrets = Secrets.model_validate_json(sys.stdin.readline()) if arguments.secrets_stdin else Secrets()
    except ValidationError as error:
        return _fail(f"--secrets-stdin wants one line of JSON with api_key and password: {error.errors()[0]['msg']}")
    if arguments.host not in LOOPBACK and secrets.password is None:
        return _fail(f"a password is needed to listen on {arguments.host}; without one, use --host 127.0.0.1")
    try:
        listener = _listen(arguments.host, arguments.port)
    except OSError as error:
        return _fail(f"cannot listen on {arguments.host} port {arguments.port}: {error.strerror}")
    app = create_app(
        arguments.gateway.rstrip("/"),
        secrets=secrets,
        hosts=served_hosts(arguments.host, allowed=arguments.allowed_host),
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=200 * 1024 * 1024,
        timeout_graceful_shutdown=2,
        forwarded_allow_ips=arguments.trusted_proxy,
    )
    sys.stdout.write(f"dashboard: http://{_shown(arguments.host)}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("--gateway", default="http://127.0.0.1:8000", help="address of the gateway")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; any but loopback needs a password")
    parser.add_argument("--port", default=8501, type=int, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME", help="a host name to answer to; may be repeated"
    )
    parser.add_argument(
        "--trusted-proxy", default="127.0.0.1", metavar="ADDRESS", help="proxy whose X-Forwarded headers are believed"
    )
    parser.add_argument(
        "--secrets-stdin", action="store_true", help='read {"api_key": ..., "password": ...} as one line of JSON'
    )
    return parser.parse_args(argv)


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Taken from now on: a second dashboard fails here, with one clear line.
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _fail(message: str) -> int:
    sys.stderr.write(f"pointsman dashboard: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

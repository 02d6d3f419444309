"""Serves one embedded model: llama.cpp's own HTTP server inside this process, until a signal asks it to stop."""

import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from agents.errors import PointsmanError

CONTEXT_TOKENS = 16384
"""All slots together: 4096 for each of four. A token takes 12 KB on the small model, 28 KB on the large one."""

SLOTS = 4

_WARNINGS = 2
"""Log level of the runtime: its usual one writes several lines for every request."""
_CACHE_MIB = 256
"""Prompts kept for their prefixes; llama.cpp's own default is 8 GB, which a laptop does not have to spare."""


class ServeError(PointsmanError):
    """The model cannot be served as things stand."""


def default_threads() -> int:
    """Half of the processors.

    llama.cpp's threads wait for one another without sleeping. With as many threads as processors, anything else at work
    on the machine stops them all: with two of two processors on a busy machine it wrote 0.6 to 1 tokens a second where
    one thread wrote 7 to 19 (measured on this product's own processes, 0.5B model).
    """
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, processors // 2)


def serve(
    path: Path,
    host: str,
    port: int,
    *,
    name: str,
    on_ready: Callable[[str], None],
    context_tokens: int = CONTEXT_TOKENS,
    slots: int = SLOTS,
    threads: int | None = None,
) -> NoReturn:
    """Serve a model's weights until SIGTERM or SIGINT, which end the process with status 0.

    Args:
        path: The GGUF file.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        name: What the server calls the model, and what a client must ask for.
        on_ready: Is given the server's address once the model is loaded.
        context_tokens: Of all slots together.
        slots: Requests worked on at once; each has an equal share of the context.
        threads: None is half of the processors.

    Raises:
        ServeError: the file is missing or broken, the port is taken, or the runtime does not work here.
    """
    if not path.is_file():
        raise ServeError(f"no weights at {path}: run `pointsman models fetch {name}`")
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    _require_free(host, port)
    server = _start(path, host, port, name=name, context_tokens=context_tokens, slots=slots, threads=threads)
    on_ready(server.listening_address)
    stop.wait()
    # Its destructor waits half a minute for answers in the making, with the interpreter locked. Nobody wants them any
    # more, and there is nothing to save.
    os._exit(0)


def _require_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise ServeError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def _start(
    path: Path, host: str, port: int, *, name: str, context_tokens: int, slots: int, threads: int | None
) -> Any:  # the library has no types
    try:
        runtime = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise ServeError(f"the embedded runtime does not load here: {error} (it needs the system's libgomp)") from error
    wanted = runtime.CommonParams()
    wanted.model.path, wanted.model_alias = str(path), {name}
    wanted.hostnames, wanted.port = [host], port
    wanted.n_ctx, wanted.n_parallel, wanted.cache_ram_mib = context_tokens, slots, _CACHE_MIB
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads or default_threads()
    wanted.endpoint_metrics = wanted.endpoint_slots = True
    # By default any page in the user's browser may call the server, and it has a page of its own.
    wanted.cors_origins, wanted.ui = "", False
    wanted.verbosity = _WARNINGS
    try:
        return runtime.Server(wanted)
    except RuntimeError as error:
        raise ServeError(f"{path} cannot be served: {error} Its reason is in the lines above") from error

"""A Chromium, and the dashboard as a process of its own in front of the stand-in gateway."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW: ViewportSize = {"width": 1440, "height": 900}
START_SECONDS = 60.0
PATIENCE_MS = 30_000
"""A first page is slow on a busy machine; what is there is seen at once."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A dashboard, and the gateway behind it."""

    gateway: str
    dashboard: str


@contextmanager
def process(*arguments: str, secrets: dict[str, str] | None = None) -> Generator[str]:
    """Start one of our modules and give the address that its first line names."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin
        assert running.stdout
        try:
            if secrets:
                running.stdin.write(json.dumps(secrets) + "\n")
                running.stdin.flush()
            yield running.stdout.readline().split(": ", 1)[1].strip()
        finally:
            running.terminate()


@contextmanager
def dashboard(gateway: str, *, secrets: dict[str, str] | None = None) -> Generator[str]:
    """A dashboard that is ready."""
    more = ["--secrets-stdin"] if secrets else []
    with process("dashboard", "--gateway", gateway, "--port", "0", *more, secrets=secrets) as address:
        end = time.monotonic() + START_SECONDS
        while not _healthy(address):
            assert time.monotonic() < end, "the dashboard did not start"
            time.sleep(0.1)
        yield address


def _healthy(address: str) -> bool:
    try:
        return httpx.get(f"{address}/_stcore/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def site() -> Generator[Site]:
    """The dashboard without a password, in front of planted runs."""
    with process("tests.browser.standin") as gateway, dashboard(gateway) as address:
        yield Site(gateway=gateway, dashboard=address)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """One a module, since Playwright's loop and the loop of an asynchronous test cannot live at once."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(CHROMIUMS)})")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, headless=True, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    """A fresh tab of a fresh visitor, which must raise no error of its own."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    raised: list[str] = []
    tab.on("pageerror", lambda error: raised.append(str(error)))
    yield tab
    context.close()
    assert raised == []


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], str], None]:
    """Wait until something holds, or say what did not."""

    def wait(holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, what
            time.sleep(0.05)

    return wait

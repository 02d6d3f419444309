"""Submitting, finding and building: the other pages in a real browser."""

import socket
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WINDOW, Site, dashboard, process

pytestmark = pytest.mark.browser

PATHS = (
    "/",
    "/runs",
    "/run?id=team-run",
    "/run?id=team-run&tab=Messages",
    "/run?id=team-run&tab=Plan",
    "/run?id=voted-run&tab=Votes+and+rounds",
    "/route",
    "/teams",
    "/schedules",
)


def ask(page: Page, site: Site, prompt: str) -> None:
    page.goto(site.dashboard)
    page.get_by_role("textbox", name="Prompt").fill(prompt)
    page.keyboard.press("Tab")
    expect(page.get_by_role("table", name="Rungs of the plan")).to_be_visible()
    page.get_by_role("button", name="Submit").click()


def test_an_answer_is_shown_as_it_is_written_and_leads_to_its_run(page: Page, site: Site) -> None:
    ask(page, site, "Explain in one sentence why the sky is blue")
    answer = page.get_by_label("Answer", exact=True)
    expect(answer).to_contain_text("The sky is blue because")
    live = page.get_by_label("Live answer")
    expect(live).to_contain_text("succeeded")
    expect(answer).to_have_text(
        "The sky is blue because air molecules scatter short wavelengths of sunlight far more than long ones, "
        "so blue light reaches the eye from every direction."
    )
    expect(live).to_contain_text("answered by small")
    expect(live).to_contain_text("248 tokens")
    page.get_by_role("link", name="Open the run").click()
    expect(page.locator(".pm h1")).to_have_text("Explain in one sentence why the sky is blue")


def test_an_answer_in_the_making_survives_a_reload(page: Page, site: Site) -> None:
    ask(page, site, "Explain in one sentence why the sky is blue")
    expect(page.get_by_label("Answer", exact=True)).to_contain_text("The sky")
    page.reload()
    expect(page.get_by_label("Live answer")).to_contain_text("succeeded")
    expect(page.get_by_label("Answer", exact=True)).to_contain_text("from every direction.")


def test_a_line_of_the_list_opens_its_run_and_the_way_back_keeps_the_filters(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/runs?q=vector")
    page.get_by_role("link", name="Compare three vector stores").click()
    expect(page.locator(".pm h1")).to_have_text("Compare three vector stores for filtered search")
    assert "id=team-run" in page.url
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_role("table", name="Runs, newest first")).to_be_visible()
    expect(page.get_by_role("textbox", name="Text")).to_have_value("vector")
    expect(page.locator("table.runs tbody tr")).to_have_count(1)


def test_a_wrong_team_file_is_told_by_line(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/teams")
    editor = page.get_by_role("textbox", name="YAML")
    editor.fill(editor.input_value().replace("limits:", "limts:"))
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_text("Line 15, column 1")).to_be_visible()
    expect(page.get_by_text("Did you mean limits?")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fetch_from_their_own_address_only_in_both_schemes(
    browser: Browser, site: Site, scheme: str, tmp_path: Path
) -> None:
    context = browser.new_context(viewport=WINDOW, color_scheme="dark" if scheme == "dark" else "light")
    context.set_default_timeout(60_000)
    foreign: list[str] = []
    own = (site.dashboard, site.dashboard.replace("http", "ws"), "data:", "blob:")
    context.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    blocked: list[str] = []
    for path in PATHS:
        tab = context.new_page()
        tab.on("console", lambda said: blocked.append(said.text) if "Content Security" in said.text else None)
        tab.goto(site.dashboard + path)
        expect(tab.locator("h1").first).to_be_visible()
        background = tab.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert background == ("rgb(16, 19, 26)" if scheme == "dark" else "rgb(255, 255, 255)")
        tab.screenshot(path=tmp_path / "page.png")
        tab.close()
    context.close()
    assert foreign == []
    assert blocked == []


def test_the_dashboard_finds_a_gateway_that_comes_back(page: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    with dashboard(f"http://127.0.0.1:{port}") as address:
        page.goto(address)
        expect(page.get_by_text(f"No answer from the gateway at http://127.0.0.1:{port}")).to_be_visible()
        with process("tests.browser.standin", "--port", port):
            expect(page.get_by_role("textbox", name="Prompt")).to_be_visible()


def test_the_password_opens_pages_data_and_the_socket(page: Page, site: Site) -> None:
    with dashboard(site.gateway, secrets={"password": "correct horse"}) as address:
        assert page.request.get(f"{address}/api/traces/team-run/spans").status == 401
        page.goto(f"{address}/run?id=team-run")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the password.")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("[role=treegrid] .bar").first).to_be_visible()
        page.goto(f"{address}/logout")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Password")).to_be_visible()
        assert page.request.get(f"{address}/api/traces/team-run/spans").status == 401

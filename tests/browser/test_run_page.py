"""The page of a run: its questions answered in two clicks, by mouse and by keys."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

FAILED_BRANCH = ["research", "attempt team research", "researcher-2", "read_page"]
TEAM_TASK: dict[str, Any] = {
    "messages": [],
    "team": "review",
    "inputs": {"topic": "x"},
    "attachments": [],
    "pointsman": {},
}

Eventually = Callable[[Callable[[], bool], str], None]


def opened(page: Page, site: Site, run_id: str, more: str = "") -> None:
    page.goto(f"{site.dashboard}/run?id={run_id}{more}")
    expect(page.locator(".pm h1")).to_be_visible()
    if "tab=" not in more:
        expect(page.locator("[role=treegrid] .bar").first).to_be_visible()


def active(page: Page) -> str:
    grid = page.get_by_role("treegrid")
    return page.locator(f"#{grid.get_attribute('aria-activedescendant')}").inner_text()


def test_the_head_tells_status_spend_and_what_verified_it(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    head = page.locator(".badge-line").inner_text()
    for fact in ("succeeded", "effort high", "team research", "59 steps", "55.0 s", "verified by citations"):
        assert fact in head


def test_why_this_rung_and_what_the_others_would_have_cost(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan).to_contain_text("quality 0.88 clears the target 0.85")
    plan.get_by_text("2 other rungs weighed").click()
    expect(plan.get_by_text("direct large high")).to_be_visible()
    expect(plan).to_contain_text("$0.011")
    expect(plan).to_contain_text("83% right, 90 % interval 76% to 89%")


def test_why_this_answer_may_stand(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    first, second = page.locator(".attempt").all()
    assert "refused" in first.inner_text()
    assert "0 of 3 claims are cited" in first.inner_text()
    assert "accepted" in second.inner_text()
    assert "9 of 9 claims are cited" in second.inner_text()


def test_a_step_shows_its_input_and_output_when_it_is_picked(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/io") else None)
    page.get_by_role("row").filter(has_text="sql_query").first.click()
    details = page.get_by_label("Details of the step")
    expect(details).to_contain_text("store,recall,p95")
    assert len(asked) == 1
    details.get_by_role("tab", name="Raw").click()
    expect(details).to_contain_text('"kind": "tool"')
    details.get_by_label("Close the details").click()
    expect(details).to_be_hidden()


def test_a_model_call_is_shown_as_a_conversation(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    page.get_by_role("row").filter(has_text="chat large").first.click()
    details = page.get_by_label("Details of the step")
    expect(details.get_by_label("Input")).to_have_text("userCompare three vector stores for filtered search")
    expect(details.get_by_label("Output")).to_have_text("stopTwo researchers measure, a critic reads, a coder checks.")


def test_the_key_e_finds_the_branch_that_failed(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    page.get_by_role("treegrid").focus()
    page.keyboard.press("e")
    expect(page.get_by_label("Details of the step")).to_contain_text("connection refused by stores.example")
    page.get_by_role("button", name="Errors").click()
    expect(page.locator(".row:has(.mark) .what")).to_have_text(FAILED_BRANCH)


def test_the_grid_is_walked_and_folded_by_keys(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    page.get_by_role("treegrid").focus()
    page.keyboard.press("Home")
    expect(page.locator(".row.active .what")).to_have_text("research")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row.active .what")).to_have_text("attempt direct small none")
    shown = page.get_by_role("row", name="chat small")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".row.active")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".row.active")).to_have_attribute("aria-expanded", "true")
    expect(shown.first).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".row.active .what")).to_have_text("research")
    page.keyboard.press("End")
    expect(page.locator(".row.active .what")).to_have_text("check citations")
    page.keyboard.press("Enter")
    details = page.get_by_label("Details of the step")
    details.get_by_role("tab", name="Attributes").click()
    expect(details).to_contain_text("verdict")
    assert "check citations" in active(page)


def test_the_grid_tells_assistive_technology_its_levels(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    row = page.get_by_role("row").filter(has_text="planner").first
    expect(row).to_have_attribute("aria-level", "3")
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(row).to_have_attribute("aria-setsize", "12")
    expect(row).to_have_attribute("aria-posinset", "1")
    expect(page.get_by_role("treegrid")).to_have_attribute("aria-rowcount", "60")


def test_a_search_keeps_the_ancestors_of_what_it_finds(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    page.get_by_label("Find step").fill("read_page")
    expect(page.get_by_text("of 58 steps, 1 of plumbing hidden")).to_be_visible()
    names = page.locator(".row .what").all_inner_texts()
    assert names[:3] == ["research", "attempt team research", "researcher-1"]
    assert set(names[3:]) <= {"read_page", "researcher-1", "researcher-2"}


def test_errors_alone_are_one_click_away(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    page.get_by_role("button", name="Errors").click()
    expect(page.locator(".row .what")).to_have_text(FAILED_BRANCH)


def test_dragging_over_the_overview_zooms(page: Page, site: Site) -> None:
    opened(page, site, "team-run")
    box = page.locator("canvas.minimap").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator(".axis span").first).to_contain_text("11")
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.locator(".axis span").first).to_have_text("0")


def test_a_thousand_steps_are_drawn_with_few_rows_and_reach_the_end(page: Page, site: Site) -> None:
    opened(page, site, "large-run")
    expect(page.get_by_text("1,000 steps", exact=True).last).to_be_visible()
    assert page.locator(".row").count() < 80
    page.get_by_role("treegrid").focus()
    page.keyboard.press("End")
    expect(page.locator(".row.active")).to_be_in_viewport()
    expect(page.locator(".row.active")).to_have_attribute("aria-rowindex", "1002")


def test_a_running_run_grows_by_deltas_and_stops_when_it_ends(page: Page, site: Site, eventually: Eventually) -> None:
    run_id = httpx.post(f"{site.gateway}/api/runs", json=TEAM_TASK, trust_env=False).json()["id"]
    reads: list[str] = []
    page.on("request", lambda request: reads.append(request.url) if "/spans?since=" in request.url else None)
    opened(page, site, run_id)
    expect(page.locator(".badge-line")).to_contain_text("running")
    before = page.locator(".row").count()
    eventually(lambda: page.locator(".row").count() > before + 2, "no new step was drawn")
    assert any(not url.endswith("since=0") for url in reads)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge-line")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.wait_for_timeout(1500)
    settled = len(reads)
    page.wait_for_timeout(2500)
    assert len(reads) == settled


def test_who_told_whom_what_and_the_step_behind_it(page: Page, site: Site) -> None:
    opened(page, site, "team-run", "&tab=Messages")
    rows = page.locator(".msg")
    expect(rows).to_have_count(17)
    expect(page.locator(".round").last).to_have_text("round 3")
    revise = page.get_by_role("listitem", name="critic to planner, critique: revise").first
    revise.press("Enter")
    message = page.get_by_role("region", name="The message")
    expect(message).to_contain_text("revise: the cost table lacks memory")
    message.get_by_role("button", name="Open the step").click()
    expect(page.get_by_label("Details of the step")).to_contain_text("chat large")
    expect(page.locator(".row.picked")).to_contain_text("critic")


def test_behind_the_sequence_is_a_table(page: Page, site: Site) -> None:
    opened(page, site, "team-run", "&tab=Messages")
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("table", name="Messages in order").get_by_role("row")).to_have_count(18)


def test_model_text_is_never_html(page: Page, site: Site) -> None:
    evil = '<img src=x onerror="document.title=1"><b>bold</b> ![x](https://evil.example/p.png)'
    body: dict[str, Any] = TEAM_TASK | {"messages": [{"role": "user", "content": evil}], "team": None, "inputs": {}}
    run_id = httpx.post(f"{site.gateway}/api/runs", json=body, trust_env=False).json()["id"]
    foreign: list[str] = []
    own = (site.dashboard, "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    opened(page, site, run_id)
    expect(page.locator(".pm h1")).to_have_text(evil)
    opened(page, site, run_id, "&tab=Answer")
    expect(page.get_by_text("The task")).to_be_visible()
    assert page.locator("b", has_text="bold").count() == 0
    assert foreign == []

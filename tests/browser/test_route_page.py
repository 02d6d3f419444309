"""The router's page: the plan follows the typing, the dial and the limits; and the plan on the page of a run."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WINDOW, Site
from tests.browser.standin import DELETED, MOST_CHARACTERS

pytestmark = pytest.mark.browser

PROMPT = "Why is the sky blue?"

Eventually = Callable[[Callable[[], bool], str], None]


def opened(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/route")
    expect(page.get_by_role("textbox", name="Prompt")).to_be_visible()


def typed(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Prompt").press_sequentially(text)


def rungs(page: Page, heading: str = "Rungs of the plan") -> list[str]:
    """The names of the rungs below a heading, marks left out."""
    names = page.get_by_role("region", name=heading).locator("tbody .name").all_inner_texts()
    return [" ".join(name.split()).lstrip("➤×123 ") for name in names]


def test_the_plan_is_drawn_while_one_types(page: Page, site: Site) -> None:
    opened(page, site)
    typed(page, PROMPT)
    plan = page.get_by_role("region", name="Rungs of the plan")
    expect(plan).to_contain_text("58% right, 90 % interval 51% to 64%")
    assert rungs(page) == ["direct small none", "direct large high"]
    expect(page.get_by_text("words 5", exact=True)).to_be_visible()
    typed(page, " And how much is 3 + 4")
    expect(plan).to_contain_text("calculate")
    expect(page.get_by_text("the whole prompt is arithmetic")).to_be_visible()
    assert rungs(page) == ["calculate"]
    expect(page.get_by_role("textbox", name="Prompt")).to_be_focused()


def test_what_is_typed_meanwhile_is_never_taken_back(page: Page, site: Site) -> None:
    opened(page, site)
    box = page.get_by_role("textbox", name="Prompt")
    box.press_sequentially(PROMPT * 5, delay=60)
    expect(page.get_by_role("region", name="Rungs of the plan")).to_be_visible()
    expect(box).to_have_value(PROMPT * 5)


def test_the_dial_the_budget_the_target_and_the_check_change_the_plan(
    page: Page, site: Site, eventually: Eventually
) -> None:
    opened(page, site)
    typed(page, PROMPT)
    expect(page.get_by_role("region", name="Rungs of the plan")).to_be_visible()

    page.get_by_role("radio", name="max").click()
    eventually(lambda: rungs(page) == ["team research"], "the dial did not change the plan")
    page.get_by_role("radio", name="auto").click()
    eventually(lambda: rungs(page) == ["direct small none", "direct large high"], "the dial did not come back")
    page.get_by_text("Checked answer").click()
    voted = ["direct small none", "self_consistency small low n≤5", "direct large high"]
    eventually(lambda: rungs(page) == voted, "the check did not change the plan")

    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    eventually(lambda: rungs(page) == ["team research"], "the target did not change the plan")
    page.get_by_label("At most (USD)").fill("0.002")
    page.keyboard.press("Tab")
    eventually(lambda: rungs(page) == ["direct small none"], "the budget did not change the plan")


def test_reasons_alternatives_and_what_would_change_the_choice_are_told(page: Page, site: Site) -> None:
    opened(page, site)
    typed(page, PROMPT)
    expect(page.get_by_text("effort before size")).to_be_visible()
    expect(page.get_by_text("With effort max it would be team research")).to_be_visible()
    left_out = page.get_by_label("Weighed and left out")
    expect(left_out).to_contain_text("a-model-with-a-very-long-name")
    expect(left_out).to_contain_text("79–92")
    charts = page.get_by_role("img")
    expect(charts.filter(has_text="Expected cost (USD)")).to_contain_text("Chosen")
    page.get_by_role("radio", name="Time").click()
    expect(charts.filter(has_text="Expected time (s)")).to_be_visible()
    expect(charts.filter(has_text="chat 81%")).to_be_visible()
    spoken = "Show data: Expected quality against time. Chosen: direct small none, then direct large high."
    expect(page.get_by_role("button", name=spoken)).to_be_attached()


def test_a_prompt_that_is_refused_is_one_sentence_and_the_form_stays(page: Page, site: Site) -> None:
    opened(page, site)
    box = page.get_by_role("textbox", name="Prompt")
    box.fill("word " * (MOST_CHARACTERS // 4))
    expect(page.get_by_role("alert")).to_contain_text("about 6250 tokens of prompt do not fit: large takes the most")
    assert page.get_by_role("alert").count() == 1
    box.fill(PROMPT)
    expect(page.get_by_role("region", name="Rungs of the plan")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("path", ["/route", "/run?id=team-run&tab=Plan"])
def test_in_a_narrow_window_nothing_stands_out_at_the_side(page: Page, site: Site, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": WINDOW["height"]})
    page.goto(site.dashboard + path)
    if path == "/route":
        typed(page, PROMPT)
    table = page.get_by_label("Weighed and left out")
    expect(table).to_be_visible()
    for cell in table.locator("td").all():
        box = cell.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_run_shows_what_was_climbed_beside_what_was_expected(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=team-run")
    page.get_by_role("radio", name="Plan").click()
    climbed = page.get_by_role("table", name="What was climbed")
    expect(climbed).to_be_visible()
    refused, stands = climbed.locator("tbody tr").all()
    for words in ("× refused", "the check citations failed", "expected right in 58%", "1.80 s", "expected 1.40 s"):
        expect(refused).to_contain_text(words)
    for words in ("✓ accepted", "9 of 9 claims are cited", "$0.020", "52.7 s", "expected 52.0 s"):
        expect(stands).to_contain_text(words)
    left_out = page.get_by_label("Weighed and left out").locator("tbody .name")
    expect(left_out).to_have_text(["direct large high", "self_consistency small low n≤5"])
    expect(page.get_by_text("With a budget of $0.01 it would be direct large high.")).to_be_visible()


def test_a_plan_of_a_run_is_tried_with_other_settings(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=team-run&tab=Plan")
    page.get_by_role("button", name="Try other settings").click()
    box = page.get_by_role("textbox", name="Prompt")
    expect(box).to_have_value("Compare three vector stores for filtered search")
    expect(page.get_by_role("region", name="Rungs of the plan")).to_be_visible()
    assert page.url.endswith("/route")


@pytest.mark.parametrize(("thumb", "score"), [("Thumbs up", 1), ("Thumbs down", 0)])
def test_a_thumb_is_kept_and_thanked_for(page: Page, site: Site, thumb: str, score: int) -> None:
    page.goto(f"{site.dashboard}/run?id=small-{score}")
    page.get_by_role("radio", name=thumb).click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    kept = httpx.get(f"{site.gateway}/planted/ratings", trust_env=False).json()
    assert {"run_id": f"small-{score}", "score": score} in kept


def test_a_thumb_that_is_refused_is_said_and_taken_back(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id={DELETED}")
    page.get_by_role("radio", name="Thumbs up").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Your rating was not kept. there is no run '{DELETED}'")
    expect(page.get_by_text("Thank you")).to_be_hidden()


def test_a_run_without_an_answer_has_nothing_to_rate(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=failed-run")
    expect(page.locator("[role=treegrid] .bar").first).to_be_visible()
    expect(page.get_by_text("Was this answer good?")).to_be_hidden()

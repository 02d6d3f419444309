"""Votes and rounds on the page of a run: who voted for what, where it stopped, what was said and what was kept."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WINDOW, Site
from tests.browser.scaled_runs import SECOND

pytestmark = pytest.mark.browser

TAB = "&tab=Votes+and+rounds"


def opened(page: Page, site: Site, run_id: str) -> None:
    page.goto(f"{site.dashboard}/run?id={run_id}{TAB}")
    expect(page.get_by_role("region", name="Attempt 1: samples and rounds")).to_be_visible()


def test_the_votes_of_the_candidates_and_where_and_why_the_drawing_stopped(page: Page, site: Site) -> None:
    opened(page, site, "voted-run")
    vote = page.locator(".vote")
    expect(vote).to_contain_text("Stopped after 4 of 8: the leader stays ahead with probability 0.962")
    # 4 samples of 242 tokens were not drawn; the one that was given up had used 12.
    expect(vote).to_contain_text("Saved 4 samples: about 956 tokens")
    expect(vote).to_contain_text("1 cancelled in the making")
    first, second = vote.get_by_role("list", name="Candidates").get_by_role("listitem").all()
    for words in ("80 km/h", "3 votes · weight 2.62", "won"):
        expect(first).to_contain_text(words)
    expect(second).to_contain_text("1 vote · weight 0.41")
    expect(second).not_to_contain_text("won")
    wide, narrow = (row.locator(".fill").bounding_box() for row in (first, second))
    assert wide
    assert narrow
    assert narrow["width"] / wide["width"] == pytest.approx(0.41 / 2.62, abs=0.02)
    assert first.get_by_role("button").all_inner_texts() == ["#1", "#2", "#5"]
    assert vote.locator(".cells > *").all_inner_texts() == ["A", "A", "B", "A", "stop", "⊘", "", "", ""]


def test_a_sample_leads_to_its_text_and_to_its_step(page: Page, site: Site) -> None:
    opened(page, site, "voted-run")
    sample = page.get_by_role("button", name="Sample 3, answer B").last
    sample.click()
    text = page.get_by_role("region", name="Text of sample 3")
    expect(text).to_contain_text("The answer is 75 km/h.")
    expect(sample).to_have_attribute("aria-pressed", "true")
    text.get_by_role("button", name="Open the step").click()
    expect(page.get_by_label("Details of the step")).to_contain_text("The answer is 75 km/h.")


def test_the_vote_is_drawn_beside_the_waterfall_too(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=voted-run")
    page.get_by_role("row").filter(has_text="vote self_consistency").click()
    details = page.get_by_label("Details of the step")
    expect(details).to_contain_text("Stopped after 4 of 8")
    details.get_by_role("button", name="Sample 5, answer A").last.click()
    expect(details.locator("h2")).to_contain_text("chat small")
    expect(details.get_by_label("Output")).to_contain_text("The answer is 80 km/h.")


def test_a_sample_that_was_given_up_is_no_error(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=voted-run")
    expect(page.locator("[role=treegrid] .bar").first).to_be_visible()
    page.get_by_role("button", name="Errors").click()
    expect(page.get_by_text("No step fits.")).to_be_visible()
    page.get_by_role("button", name="Errors").click()
    page.get_by_label("Find step").fill("cancelled")
    found = page.get_by_role("row").filter(has_text="chat small")
    expect(found).to_have_count(1)
    found.click()
    expect(page.get_by_label("Details of the step")).to_contain_text("Given up while it was written")


def test_each_round_has_its_text_its_verdicts_and_one_was_kept(page: Page, site: Site) -> None:
    opened(page, site, "voted-run")
    rounds = page.get_by_role("region", name="Attempt 2: samples and rounds")
    expect(rounds.get_by_text("Kept: round 1.")).to_be_visible()
    columns = rounds.get_by_role("listitem")
    expect(columns).to_have_count(3)
    draft, rewrite, last = columns.all()
    expect(draft.locator("header")).to_contain_text("draft")
    expect(draft.get_by_role("region", name="Round 0: text")).to_contain_text("120 / 1.5 = 90")
    expect(rewrite.get_by_role("region", name="Round 1: text")).to_have_text(SECOND)
    expect(rewrite.locator("header")).to_contain_text("kept")
    expect(last.locator("header")).not_to_contain_text("kept")
    executed, opinion = draft.locator(".verdict").all()
    expect(executed).to_contain_text("carried out")
    expect(executed).to_contain_text("120 / 1.5 = 90 is wrong: it is 80")
    expect(opinion).to_contain_text("opinion of large (critic)")
    border = "element => getComputedStyle(element).borderLeftStyle"
    assert (executed.evaluate(border), opinion.evaluate(border)) == ("solid", "dashed")
    draft.get_by_role("button", name="open", exact=True).last.click()
    details = page.get_by_label("Details of the step")
    expect(details.locator("h2")).to_contain_text("critic")
    expect(details.locator(".verdict")).to_contain_text("'90': the quotient is 80")


def test_spend_stands_beside_what_the_plan_expected(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=voted-run")
    attempt = page.get_by_label("Attempt 2", exact=True)
    for words in ("1.8k / 720 expected", "$0.014 / $0.014 expected", "24.7 s / 19.0 s expected", "opinion of small"):
        expect(attempt).to_contain_text(words)
    expect(page.get_by_label("Attempt 1", exact=True)).to_contain_text("confidence 0.75 is below 0.80")


def test_what_verified_the_answer_stands_at_the_answer(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=voted-run&tab=Answer")
    expect(page.get_by_test_id("stMain").locator(".stMarkdownBadge")).to_contain_text("Verified by arithmetic")
    page.goto(f"{site.dashboard}/run?id=chosen-run&tab=Answer")
    expect(page.get_by_test_id("stMain").locator(".stMarkdownBadge")).to_contain_text("Not verified")
    expect(page.get_by_text("No check ran on this answer.")).to_be_visible()


def test_choices_of_one_call_each_show_their_own_text_and_no_markup_comes_alive(page: Page, site: Site) -> None:
    opened(page, site, "chosen-run")
    expect(page.locator(".vote")).to_contain_text("All 5 drawn")
    expect(page.locator(".vote")).to_contain_text("chosen by judge")
    page.get_by_role("button", name="Sample 4, answer D").last.click()
    text = page.get_by_role("region", name="Text of sample 4")
    expect(text).to_contain_text('Text 4. <img src=x onerror="document.title=1">**bold** $\\frac{1}{2}$')
    assert page.locator(".pm img").count() == 0


def test_a_vote_that_is_not_counted_yet_says_so(page: Page, site: Site) -> None:
    opened(page, site, "drawing-run")
    expect(page.locator(".vote")).to_contain_text("2 samples drawn so far")


def test_a_run_in_one_go_says_that_there_was_no_vote(page: Page, site: Site) -> None:
    page.goto(f"{site.dashboard}/run?id=small-0{TAB}")
    expect(page.get_by_text("the answer was written in one go")).to_be_visible()


@pytest.mark.parametrize(
    ("where", "drawn"),
    [
        ("voted-run" + TAB, ".vote"),
        ("chosen-run" + TAB, ".vote"),
        ("voted-run", "[role=treegrid]"),
        ("chosen-run&tab=Answer", ".stMarkdownBadge"),
    ],
)
def test_long_answers_stay_inside_a_narrow_window(page: Page, site: Site, where: str, drawn: str) -> None:
    page.set_viewport_size({"width": 390, "height": WINDOW["height"]})
    page.goto(f"{site.dashboard}/run?id={where}")
    expect(page.locator(drawn).last).to_be_visible()
    page.wait_for_load_state("networkidle")
    outside = """() => {
      const over = [];
      const look = (root) => root.querySelectorAll("*").forEach((node) => {
        if (node.shadowRoot) look(node.shadowRoot);
        const box = node.getBoundingClientRect();
        const ours = node.closest(".vote, .round-column, .attempt, .stMarkdown");
        if (ours && box.width > 0 && box.right > innerWidth + 1) over.push(node.className);
      });
      look(document);
      return over;
    }"""
    assert page.evaluate(outside) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_wrong_with_a_wish_is_said_beside_it(page: Page, site: Site) -> None:
    page.goto(site.dashboard)
    page.get_by_role("textbox", name="Prompt").fill("Why is the sky blue?")
    page.keyboard.press("Tab")
    expect(page.get_by_role("table", name="Rungs of the plan")).to_be_visible()
    page.get_by_text("Checks", exact=True).click()
    page.get_by_role("button", name="Pattern", exact=True).click()
    page.get_by_role("textbox", name="Regular expression").fill("(")
    page.keyboard.press("Tab")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("is not a regular expression")
    expect(page.locator("details").filter(has_text="Regular expression").get_by_role("alert")).to_be_visible()
    page.get_by_role("textbox", name="Regular expression").fill("blue")
    page.keyboard.press("Tab")
    expect(page.get_by_role("table", name="Rungs of the plan")).to_be_visible()
    expect(alert).to_be_hidden()

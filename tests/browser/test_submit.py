"""The whole product: a task is submitted in the dashboard, answered by the real parts, and its trace is read there."""

from typing import Protocol

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.model]


class Product(Protocol):
    """Everything that `pointsman up` starts."""

    @property
    def gateway(self) -> str: ...
    @property
    def dashboard(self) -> str: ...


def ask(page: Page, product: Product, prompt: str) -> None:
    page.goto(product.dashboard)
    page.get_by_role("textbox", name="Prompt").fill(prompt)
    page.keyboard.press("Tab")
    expect(page.get_by_role("table", name="Rungs of the plan")).to_be_visible()
    page.get_by_role("button", name="Submit").click()


def open_run(page: Page) -> None:
    page.get_by_role("link", name="Open the run").click()
    expect(page.locator("[role=treegrid] .bar").first).to_be_visible()


def test_arithmetic_is_calculated_and_its_trace_shows_no_model(page: Page, product: Product) -> None:
    ask(page, product, "What is 17% of 3,482?")
    expect(page.get_by_label("Answer", exact=True)).to_contain_text("591.94")
    expect(page.get_by_label("Live answer")).to_contain_text("calculated, no model called")
    open_run(page)
    expect(page.locator(".badge-line")).to_contain_text("succeeded")
    expect(page.locator(".badge-line")).to_contain_text("pointsman/calculate")
    expect(page.get_by_role("region", name="Plan", exact=True)).to_contain_text("calculate")
    assert page.get_by_role("row").filter(has_text="chat ").count() == 0


def test_a_question_is_answered_by_the_embedded_model_and_its_trace_shows_the_call(
    page: Page, product: Product
) -> None:
    ask(page, product, "Explain in one sentence why the sky is blue")
    live = page.get_by_label("Live answer")
    expect(live).to_contain_text("answered by", timeout=120_000)
    answer = page.get_by_label("Answer", exact=True).inner_text()
    assert len(answer) > 20
    open_run(page)
    call = page.get_by_role("row").filter(has_text="chat ").first
    call.click()
    expect(page.get_by_label("Details of the step").get_by_label("Output").first).to_contain_text(answer.strip()[:20])
    page.get_by_text("Answer", exact=True).first.click()
    expect(page.get_by_text(answer.strip()[:20]).first).to_be_visible()
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_role("link", name="Explain in one sentence why the sky is blue").first).to_be_visible()

"""Runs that were voted on, revised, or are being drawn, for the page to show samples, rounds and what stopped them."""

import json
from datetime import datetime, timedelta

from tests.browser.planted import LARGE, Json, Planted, plan, rung, short, verdict

VOTED = rung("self_consistency", "small", "low", 0.71, "0.0019", 6.2, samples=8, accept="agreement")
REFINED = rung("refine", "large", "low", 0.84, "0.0140", 19.0, accept="checks")
CHOSEN = rung("best_of_n", "small", "low", 0.77, "0.0052", 11.0, samples=5, accept="always")
WORKED = "The train covers 120 km in 1.5 h, so 120 / 1.5 = 80 km/h. "
MARKUP = '<img src=x onerror="document.title=1">**bold** $\\frac{1}{2}$ ![x](https://evil.example/p.png) '
UNBROKEN = "pneumonoultramicroscopicsilicovolcanoconiosis" * 30
FIRST = "80 km/h, since 120 / 1.5 = 90. " + UNBROKEN
SECOND = "80 km/h, since 120 / 1.5 = 80."
THIRD = "About 80 km/h."


def planted(now: datetime) -> list[Planted]:
    return [voted_then_refined(now), chosen(now), drawing(now)]


def voted_then_refined(now: datetime) -> Planted:
    """Four of eight samples are drawn, the vote is too close, and a rewrite of the large model's draft is kept."""
    why = "math: votes of the small model go first"
    run = Planted(
        "voted-run",
        "How fast is a train that covers 120 km in 90 minutes?",
        started=now - timedelta(minutes=2),
        plan=plan(VOTED, REFINED, why=why, considered=(LARGE,), math=0.93),
    )
    root = run.span("run", "invoke_workflow run", None, 0, 31.0, key="")
    first = run.span("attempt", "attempt self_consistency", root, 0.1, 6.1, key="1", attributes=_rung(run, 0))
    samples = {0: "80 km/h", 1: "80 km/h", 2: "75 km/h", 4: "80 km/h"}
    for number, answer in samples.items():
        said = f"{WORKED * 3}\n\nThe answer is {answer}."
        run.model("small", first, 0.2, 2.2 + number * 0.7, run.title, said, key=f"1.sample.{number}")
    cancelled: Json = {"status": "lost", "attributes": {"error": "cancelled"}, "output_tokens": 12}
    run.span("model", "chat small", first, 0.3, 5.2, key="1.sample.3", model="small", **cancelled)
    run.span(
        "vote",
        "vote self_consistency",
        first,
        0.2,
        5.3,
        key="1.vote",
        attributes={
            "candidates": [
                {"answer": "80 km/h", "votes": 3, "weight": 2.62, "samples": ["sample.0", "sample.1", "sample.4"]},
                {"answer": "75 km/h", "votes": 1, "weight": 0.41, "samples": ["sample.2"]},
            ],
            "drawn": 4,
            "failed": 0,
            "asked": 8,
            "stopped": "beta: the leader stays ahead with probability 0.962, after 4 of 8",
        },
    )
    run.attempt(VOTED, accepted=False, seconds=6.0, verdicts=[], reason="confidence 0.75 is below 0.80")
    _refine(run, root)
    run.finish("succeeded", 31.0)
    return run


def _refine(run: Planted, root: str) -> None:
    attempt = run.span("attempt", "attempt refine", root, 6.2, 30.9, key="2", attributes=_rung(run, 1))
    wrong = "120 / 1.5 = 90 is wrong: it is 80"
    run.model("large", attempt, 6.3, 11.0, run.title, FIRST, key="2.round.0.model.0")
    _said(run, attempt, 11.1, "check arithmetic", "2.round.0.check.0", 0, verdict("arithmetic", "fail", 0.0, wrong))
    fault = "- '90': the quotient is 80. " + UNBROKEN
    critic = verdict("critique", "fail", 0.5, fault, by="large (critic)")
    _said(run, attempt, 11.2, "critic", "2.round.0.critique", 0, critic)
    run.model("large", attempt, 14.0, 18.0, "Mend it.", SECOND, key="2.round.1.rewrite")
    right = verdict("arithmetic", "pass", 1.0, "1 equation is right")
    _said(run, attempt, 18.1, "check arithmetic", "2.round.1.check.0", 1, right)
    praise = verdict("critique", "unsure", None, "the judge gave no judgement", by="large (critic)")
    _said(run, attempt, 18.2, "critic", "2.round.1.critique", 1, praise)
    run.model("large", attempt, 22.0, 26.0, "Mend it.", THIRD, key="2.round.2.rewrite")
    nothing = verdict("arithmetic", "unsure", None, "the answer writes no equation")
    _said(run, attempt, 26.1, "check arithmetic", "2.round.2.check.0", 2, nothing)
    run.answer = {"choices": [{"text": SECOND, "finish_reason": "stop"}], "model": "large", "effort": "low"}
    rubric = verdict("rubric", "pass", 0.9, "says how it was computed", by="small")
    run.attempt(REFINED, accepted=True, seconds=24.7, verdicts=[right, rubric])


def _said(run: Planted, attempt: str, at: float, name: str, key: str, round_: int, found: Json) -> None:
    told = {name: found[name] for name in ("score", "evidence", "by")}
    attributes = {"verdict": found["outcome"], "round": round_, **told}
    check = run.span("check", name, attempt, at, at + 1.5, key=key, attributes=attributes)
    if found["by"]:
        run.model("large", check, at, at + 1.4, "Look for faults.", found["evidence"], key=f"{key}.model")


def chosen(now: datetime) -> Planted:
    """Five long texts in one call, ranked by a judge; nothing was carried out on them."""
    run = Planted(
        "chosen-run",
        "Write about trains",
        started=now - timedelta(minutes=3),
        plan=plan(CHOSEN, why="free text: the best of five", writing=0.9),
    )
    root = run.span("run", "invoke_workflow run", None, 0, 12.0, key="")
    attempt = run.span("attempt", "attempt best_of_n", root, 0.1, 11.9, key="1", attributes=_rung(run, 0))
    texts = [f"Text {number}. {MARKUP}{UNBROKEN}" for number in range(1, 6)]
    call = run.model("small", attempt, 0.2, 9.0, run.title, "", key="1.sample.0")
    run.io[call]["output"] = json.dumps({"choices": [{"text": text, "finish_reason": "stop"} for text in texts]})
    keys = ["sample.0", *(f"sample.0[{place}]" for place in range(1, 5))]
    order = [2, 0, 1, 3, 4]
    run.span(
        "vote",
        "vote best_of_n",
        attempt,
        0.2,
        11.0,
        key="1.vote",
        attributes={
            "candidates": [
                {"answer": texts[number], "votes": 1, "weight": 1.0, "samples": [keys[number]]} for number in order
            ],
            "drawn": 5,
            "failed": 0,
            "asked": 5,
            "stopped": "all: after 5 of 5; chosen by judge",
        },
    )
    run.answer = {"choices": [{"text": texts[2], "finish_reason": "stop"}], "model": "small", "effort": "low"}
    run.attempt(CHOSEN, accepted=True, seconds=11.8, verdicts=[])
    run.finish("succeeded", 12.0)
    return run


def drawing(now: datetime) -> Planted:
    """The vote has not been counted yet."""
    run = Planted(
        "drawing-run", "Which line is the busiest?", started=now, plan=plan(VOTED, why="votes go first", math=0.6)
    )
    root = run.span("run", "invoke_workflow run", None, 0, None, key="")
    attempt = run.span("attempt", "attempt self_consistency", root, 0.1, None, key="1", attributes=_rung(run, 0))
    run.span("vote", "vote self_consistency", attempt, 0.2, None, key="1.vote")
    for number in range(2):
        run.model("small", attempt, 0.2, 1.0 + number, run.title, "The red one.", key=f"1.sample.{number}")
    run.span("model", "chat small", attempt, 0.3, None, key="1.sample.2", model="small")
    return run


def _rung(run: Planted, place: int) -> Json:
    rungs: list[Json] = run.more["plan"]["rungs"]
    return {"rung": short(rungs[place])}

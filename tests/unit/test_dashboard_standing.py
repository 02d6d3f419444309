"""How far an answer may be trusted is said plainly."""

from typing import Any

import pytest

from dashboard.shapes import Run
from dashboard.standing import standing_of

PASSED = {"check": "arithmetic", "outcome": "pass"}
JUDGED = {"check": "rubric", "outcome": "pass", "by": "large"}


def ended(*verdicts: dict[str, str], verified_by: tuple[str, ...] = (), **more: Any) -> Run:
    attempt = {"number": 1, "rung": "direct small none", "accepted": True, "verdicts": verdicts}
    answer = {"choices": [{"text": "12"}], "model": "small"}
    run = {"id": "r1", "status": "succeeded", "attempts": [attempt], "answer": answer, "verified_by": verified_by}
    return Run.model_validate(run | more)


@pytest.mark.parametrize(
    ("run", "words", "tone"),
    [
        (ended(PASSED, verified_by=("arithmetic",)), "verified by arithmetic", "good"),
        (ended(PASSED, JUDGED, verified_by=("arithmetic", "rubric")), "verified by arithmetic", "good"),
        (ended(JUDGED, verified_by=("rubric",)), "not verified: judged only", "wait"),
        (ended(PASSED), "not verified", "wait"),
        (ended(status="unverified"), "not verified", "wait"),
        (ended(answer={"choices": [{"text": "4"}], "model": "pointsman/calculate"}), "computed exactly", "going"),
    ],
)
def test_only_what_was_carried_out_makes_an_answer_verified(run: Run, words: str, tone: str) -> None:
    known = standing_of(run)
    assert known
    assert (known.words, known.tone) == (words, tone)


def test_why_it_is_not_verified_is_told() -> None:
    reasons = [standing_of(run) for run in (ended(), ended(PASSED), ended(status="truncated"))]
    assert [one.why.split()[:4] for one in reasons if one] == [
        ["No", "check", "ran", "on"],
        ["No", "check", "that", "was"],
        ["A", "limit", "ended", "the"],
    ]


def test_a_judge_is_named_beside_what_was_carried_out() -> None:
    known = standing_of(ended(PASSED, JUDGED, verified_by=("arithmetic", "rubric")))
    assert known
    assert "rubric (large)" in known.why


@pytest.mark.parametrize("more", [{"status": "running"}, {"answer": None}, {"answer": {"choices": []}}])
def test_where_there_is_no_answer_yet_nothing_is_said(more: dict[str, Any]) -> None:
    assert standing_of(ended(**more)) is None

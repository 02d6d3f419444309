"""How far the answer of a run may be trusted: what was carried out on it, and what is only somebody's opinion."""

from typing import Literal, NamedTuple

from dashboard.shapes import Run, Verdict


class Standing(NamedTuple):
    """It in a few words, and the reason in a sentence."""

    words: str
    why: str
    tone: Literal["good", "wait", "going"]
    """Good: verified. Wait: not. Going: computed, so that there is nothing to verify."""


def standing_of(run: Run) -> Standing | None:
    """None while the run goes on, and where it gave no answer."""
    if run.answer is None or not run.answer.choices or not run.ended:
        return None
    verdicts = next((attempt.verdicts for attempt in reversed(run.attempts) if attempt.accepted), ())
    judges = {verdict.check: verdict.by for verdict in verdicts if verdict.by}
    executed = [name for name in run.verified_by if name not in judges]
    judged = [f"{name} ({judges[name]})" for name in run.verified_by if name in judges]
    if executed:
        why = "Checks that were carried out on this answer, and passed."
        also = f" A judge also liked it: {', '.join(judged)}." if judged else ""
        return Standing(f"verified by {', '.join(executed)}", why + also, "good")
    if run.answer.model == "pointsman/calculate":
        return Standing("computed exactly", "No model was called.", "going")
    if judged:
        return Standing("not verified: judged only", f"An opinion is no proof: {', '.join(judged)}.", "wait")
    return Standing("not verified", _why_not(run, verdicts), "wait")


def _why_not(run: Run, verdicts: tuple[Verdict, ...]) -> str:
    if run.status == "unverified":
        return "A check did not pass or could not run."
    if run.status == "truncated":
        return "A limit ended the work; this is the best so far."
    if not verdicts:
        return "No check ran on this answer."
    return "No check that was carried out vouches for the whole answer."

"""Fits the chance of being right to what recorded answers show of themselves: `router/tables/signals.json`.

python -m bench.fit_signals --data DIR [--out FILE]

Half of the problems are fitted to, the other half is looked at; which is which depends on the problem's index alone.
The samples of one problem are no independent rows, so the number of problems says how much is known. Fit it again when
more is recorded.
"""

import argparse
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from agents.methods.signals import logprob_signals, read, signals_of
from agents.records import Json
from agents.voting.extract import Extracted
from agents.voting.tally import Ballot, count, share
from bench.recorded_rows import Row, is_right, rows
from router.calibration import TABLE, Calibration, Isotonic, Line, fit

TYPE = "math"
VOTES = (3, 5, 8)
"""How many samples vote."""
VOTES_EACH = 4
"""Votes of each size that are drawn from the samples of a problem."""
DOUBT = 1.0
"""Problems that speak against each end of a line."""
DOUBT_ELSEWHERE = 8.0
"""Problems that speak against each end for the types that were not measured: the ends are drawn in by so much."""
SEED = 0


@dataclass(frozen=True)
class Seen:
    """An answer with its signals."""

    problem: str
    model: str
    signals: Mapping[str, float]
    right: float


@dataclass(frozen=True)
class Read:
    """A recorded answer, and what it comes to."""

    row: Row
    found: Extracted
    right: bool


def seen(recorded: Iterable[Row]) -> Iterator[Seen]:
    """Every answer with what it shows of itself, alone, in a vote, and beside a smaller model's answer."""
    problems: dict[str, dict[str, list[Read]]] = {}
    for row in recorded:
        answer = Read(row, read(row.answer, row.task), is_right(row.choice, row.reference))
        problems.setdefault(row.problem, {}).setdefault(row.model, []).append(answer)
    for problem, models in problems.items():
        for model, answers in models.items():
            yield from (
                Seen(problem, model, logprob_signals(one.row.logprobs), float(one.right))
                for one in answers
                if one.row.logprobs
            )
            yield from _votes(problem, model, [one for one in answers if one.row.sample])
        yield from _beside(problem, models.get("small", ()), models.get("large", ()))


def _votes(problem: str, model: str, drawn: Sequence[Read]) -> Iterator[Seen]:
    """Votes of several sizes among the drawn samples, as the method counts them."""
    dice = random.Random(f"{SEED}/{problem}/{model}")
    for size, _ in itertools.product(VOTES, range(VOTES_EACH)):
        if size > len(drawn):
            continue
        voting = dice.sample(drawn, size)
        candidates = count([Ballot(number, one.found.form) for number, one in enumerate(voting)])
        if candidates:
            signal = share(candidates[0].votes, size)
            yield Seen(problem, model, {"vote": signal}, float(voting[candidates[0].samples[0]].right))


def _beside(problem: str, small: Sequence[Read], large: Sequence[Read]) -> Iterator[Seen]:
    """Answers of the large model beside one of the small model, which the rung below gave."""
    by_sample = {one.row.sample: one for one in small}
    for one in large:
        other = by_sample.get(one.row.sample)
        if other is not None:
            signals = signals_of(one.row.answer, one.found, [other.found])
            if "agrees" in signals:
                yield Seen(problem, one.row.model, {**signals, **logprob_signals(one.row.logprobs)}, float(one.right))


def halves(everything: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
    """The problems to fit to, and those to look at: every other one, in an order that the data did not choose."""
    problems = sorted({one.problem for one in everything}, key=lambda problem: random.Random(problem).random())
    fitted = set(problems[::2])
    return [one for one in everything if one.problem in fitted], [
        one for one in everything if one.problem not in fitted
    ]


def lines(fitted: Sequence[Seen]) -> list[Line]:
    """One line for each signal: by model, for the type, and, with more doubt, for any other type."""
    made: list[Line] = []
    for signal in sorted({name for one in fitted for name in one.signals}):
        rows_of = [one for one in fitted if signal in one.signals]
        for model in sorted({one.model for one in rows_of}):
            same = [one for one in rows_of if one.model == model]
            made.append(Line(task_type=TYPE, model=model, signal=signal, line=_line(same, signal, DOUBT)))
        made.append(Line(task_type=TYPE, signal=signal, line=_line(rows_of, signal, DOUBT)))
        made.append(Line(signal=signal, line=_line(rows_of, signal, DOUBT_ELSEWHERE)))
    return made


def _line(rows_of: Sequence[Seen], signal: str, doubt: float) -> Isotonic:
    # An answer that stands in the rows twice, alone and beside another, counts once for what it shows alone.
    alone = [one for one in rows_of if len(one.signals) == 1 or "agrees" not in one.signals or signal == "agrees"]
    # The answers to one problem say little more than one answer does: what speaks against an end is a whole problem.
    weight = len(alone) / len({one.problem for one in alone})
    return fit([one.signals[signal] for one in alone], [one.right for one in alone], doubt=doubt * weight)


def looked_at(table: Calibration, held: Sequence[Seen]) -> list[Json]:
    """How well the chances hold on the problems that nothing was fitted to, against the mean share of right answers."""
    found: list[Json] = []
    kinds = sorted({(one.model, tuple(sorted(one.signals))) for one in held})
    for model, names in kinds:
        same = [one for one in held if one.model == model and tuple(sorted(one.signals)) == names]
        chances = [table.chance(one.signals, task_type=TYPE, model=model) for one in same]
        told = [(chance, one.right) for chance, one in zip(chances, same, strict=True) if chance is not None]
        base = fmean(right for _, right in told)
        found.append(
            {
                "model": model,
                "signals": list(names),
                "problems": len({one.problem for one in same}),
                "rows": len(told),
                "right": round(base, 3),
                "mean_chance": round(fmean(chance for chance, _ in told), 3),
                "brier": round(fmean((chance - right) ** 2 for chance, right in told), 4),
                "brier_of_the_mean": round(base * (1 - base), 4),
                "auc": _auc(told),
            }
        )
    return found


def _auc(told: Sequence[tuple[float, float]]) -> float | None:
    """The chance that a right answer is told a higher one than a wrong answer; None where all are alike."""
    right = [chance for chance, outcome in told if outcome]
    wrong = [chance for chance, outcome in told if not outcome]
    if not right or not wrong:
        return None
    wins = sum((one > other) + (one == other) / 2 for one in right for other in wrong)
    return round(wins / (len(right) * len(wrong)), 3)


def fitted_table(recorded: Sequence[Row]) -> Calibration:
    """The table, with what it came from and how it holds."""
    everything = list(seen(recorded))
    fitting, held = halves(everything)
    made = tuple(lines(fitting))
    about: Json = {
        "command": "python -m bench.fit_signals --data DIR",
        "source": (
            "bench/recorded/gsm8k-*.jsonl: GSM8K, a greedy answer and samples at temperature 0.7; `small` is "
            "Qwen2.5-Coder-0.5B-Instruct, `large` Qwen2.5-Coder-1.5B-Instruct, both Q4_K_M"
        ),
        "problems": len({one.problem for one in everything}),
        "problems_fitted": len({one.problem for one in fitting}),
        "answers": len(recorded),
        "signals": {
            "vote": "share of the samples that gave the answer, as (votes + 1) / (samples + 2); votes of 3, 5 and 8",
            "logprob_sum": "log-probability of the whole answer",
            "logprob_low": "the lowest mean over 32 tokens in a row",
            "agrees": "1 where the small model's answer is the same, 0 where it is another",
        },
        "other_types": (
            f"assumed: the lines of {TYPE}, each end drawn in by {DOUBT_ELSEWHERE:g} problems; none was measured"
        ),
        "held_out": looked_at(Calibration(about={}, lines=made), held),
    }
    return Calibration(about=about, lines=made)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with gsm8k-300.jsonl")
    parser.add_argument("--out", type=Path, default=TABLE)
    given = parser.parse_args()
    table = fitted_table(list(rows("gsm8k", given.data)))
    given.out.write_text(_rounded(table))
    print(f"{table.about['answers']} answers to {table.about['problems']} problems; {len(table.lines)} lines")
    for one in table.about["held_out"]:
        print(json.dumps(one))


def _rounded(table: Calibration) -> str:
    """As JSON, with as many digits as the rows can bear; values that become the same are one point, the last one."""
    made: list[Line] = []
    for line in table.lines:
        points = {round(at, 4): round(chance, 4) for at, chance in zip(line.line.signal, line.line.chance, strict=True)}
        short = Isotonic(signal=tuple(points), chance=tuple(points.values()), rows=line.line.rows)
        made.append(line.model_copy(update={"line": short}))
    return table.model_copy(update={"lines": tuple(made)}).model_dump_json(indent=1) + "\n"


if __name__ == "__main__":
    main()

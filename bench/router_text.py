"""Measure how well the prompt's text alone ranks prompts by gain: in domain, and on data sets it was not fitted on.

python -m bench.router_text --data DIR   prints the rows
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.fit_text import SHIPPED, fit
from bench.router_data import alphabetic_words
from bench.router_rows import Row
from bench.router_text_data import MARGINS, Graded, graded
from router.evaluate.metrics import Array, apgr, intervals
from router.features import excerpt, features
from router.fit.targets import by_group
from router.fit.text import USUAL, TextSettings, fit_text_model
from router.residual import TextModel
from router.tasktype import task_type
from router.words import words

_DRAWS = 2
_LOCAL = 200
_UNLABELLED = 3000
_LOCAL_SETTINGS: TextSettings = replace(USUAL, forests=1)


def rows(data: Path) -> list[Row]:
    """All rows; some minutes of one processor."""
    sets = [graded(data, name, splits=("train", "test")) for name in MARGINS]
    elsewhere = {left.name: _fitted_elsewhere(left, sets) for left in sets}
    return [*_mmlu(sets[0]), _gsm8k(sets[1], elsewhere[sets[1].name]), *_left_out(sets, elsewhere)]


def _fitted_elsewhere(left: Graded, sets: Sequence[Graded]) -> Array:
    """What a model fitted to the other sets' training folds says, without any question that occurs in this one."""
    kept = [
        each.take(np.flatnonzero((each.folds < 7) & ~np.isin(each.stems, left.stems)))
        for each in sets
        if each is not left
    ]
    return _scored(fit(kept, settings=SHIPPED), left.texts)


def _mmlu(whole: Graded) -> Iterator[Row]:
    train, test = whole.take(np.flatnonzero(whole.folds < 7)), whole.take(np.flatnonzero(whole.folds >= 7))
    for labels, line in ((len(train.texts), ">= .72"), (1500, ">= .68")):
        model = fit_text_model(
            train.texts, by_group(_only(train.gains, labels, seed=0), train.subjects.tolist()).tolist()
        )
        subjects = "" if labels == len(train.texts) else "; texts and subjects of all prompts of the training folds"
        yield _row(
            f"RouteLLM-MMLU, Mixtral to GPT-4: APGR on the test folds, {labels:,} labels",
            line,
            test,
            _said(model, test.texts),
            note=f"subjects known in fitting, not in scoring{subjects}",
        )


def _gsm8k(whole: Graded, general: Array, *, parts: int = 5) -> Row:
    part = np.array([int(stem[8:16], 16) % parts for stem in whole.stems])
    said = np.zeros(len(whole.texts))
    for left in range(parts):
        train = whole.take(np.flatnonzero(part != left))
        here = np.flatnonzero(part == left)
        model = fit_text_model(train.texts, train.targets().tolist())
        # Each part's scores come from a model of its own, and are compared within the part.
        said[here] = _standard(_said(model, [whole.texts[row] for row in here.tolist()]))
    return _row(
        "RouteLLM-GSM8K, Mixtral to GPT-4: APGR, 5-fold cross-validation",
        ">= .68, lower bound > .622",
        whole,
        said + _standard(general),
        note="half the general score, fitted to the other sets without these questions; results of 44 other models on "
        f"the fitted parts steady the targets; without the general score {apgr(said, whole.gains):.3f}, "
        f"general score alone {apgr(general, whole.gains):.3f}",
    )


def _left_out(sets: Sequence[Graded], elsewhere: Mapping[str, Array]) -> Iterator[Row]:
    bare, local, lengths = list[float](), list[float](), list[float]()
    test_rows = 0
    for left in sets:
        general = elsewhere[left.name]
        row = _row(f"left out, no local labels: APGR on {left.name}", ">= .50", left, general)
        yield row
        bare.append(row.value)
        lengths.append(apgr(_length(left), left.gains))
        test = np.flatnonzero(left.folds >= 7)
        test_rows += len(test)
        local.append(
            float(np.mean([apgr(_with_local(left, general, seed)[test], left.gains[test]) for seed in range(_DRAWS)]))
        )
        yield Row(
            what=f"left out, {_LOCAL} local labels: APGR on the test folds of {left.name}",
            line=">= .50",
            value=local[-1],
            low=None,
            high=None,
            n=len(test),
            note=f"mean of {_DRAWS} draws; no local labels {apgr(general[test], left.gains[test]):.3f}, "
            f"length {apgr(_length(left)[test], left.gains[test]):.3f}",
        )
    prompts = sum(len(each.texts) for each in sets)
    yield Row(
        what="leave one data set out, no local labels: mean APGR over whole sets",
        line=">= .65",
        value=float(np.mean(bare)),
        low=None,
        high=None,
        n=prompts,
        note=f"length {np.mean(lengths):.3f}; training rows whose question occurs in the left-out set are dropped",
    )
    yield Row(
        what=f"leave one data set out, {_LOCAL} local labels: mean APGR over test folds",
        line=">= .68",
        value=float(np.mean(local)),
        low=None,
        high=None,
        n=test_rows,
        note=f"labels, and subjects of at most {_UNLABELLED:,} prompts, from the training folds",
    )


def _with_local(left: Graded, general: Array, seed: int) -> Array:
    """The general score and that of a model fitted to a few local labels, half each."""
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(left.folds < 7))[:_UNLABELLED]
    here = left.take(drawn)
    target = by_group(_only(here.gains, _LOCAL, seed=seed), here.subjects.tolist())
    few = len(set(here.subjects)) == 1
    # With one subject only the prompts with a label say anything.
    kept = np.flatnonzero(np.isfinite(_only(here.gains, _LOCAL, seed=seed))) if few else np.arange(len(drawn))
    model = fit_text_model([here.texts[row] for row in kept.tolist()], target[kept].tolist(), settings=_LOCAL_SETTINGS)
    return _standard(general) + _standard(_said(model, left.texts))


def _only(gains: Array, labels: int, *, seed: int) -> Array:
    """All but so many gains are forgotten."""
    kept = np.random.default_rng(seed).permutation(len(gains))[:labels]
    return np.where(np.isin(np.arange(len(gains)), kept), gains, np.nan)


def _said(model: TextModel, texts: Sequence[str]) -> Array:
    """What a model says in its own domain."""
    return np.array([model.said(excerpt(text), words(excerpt(text)), features(text)) for text in texts])


def _scored(model: TextModel, texts: Sequence[str]) -> Array:
    """What a model says anywhere, as the router asks it."""
    found: list[float] = []
    for text in texts:
        seen = features(text)
        found.append(model.gain(text, seen, task_type(text, seen)).score)
    return np.array(found)


def _length(part: Graded) -> Array:
    return np.array([alphabetic_words(text) for text in part.texts], dtype=np.float64)


def _standard(values: Array) -> Array:
    return (values - values.mean()) / (values.std() + 1e-9)


def _row(what: str, line: str, part: Graded, score: Array, *, note: str = "") -> Row:
    length = _length(part)
    found = intervals({"text": score, "length": length}, part.gains)
    low, high = found["text"]
    others = (
        f"length {apgr(length, part.gains):.3f} [{found['length'][0]:.3f}, {found['length'][1]:.3f}], random .500, "
        f"oracle {apgr(part.gains, part.gains):.3f}"
    )
    return Row(
        what=what,
        line=line,
        value=apgr(score, part.gains),
        low=low,
        high=high,
        n=len(part.texts),
        note=f"{note}; {others}" if note else others,
    )


def main() -> None:
    """Print the rows."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    for row in rows(options.parse_args().data):
        interval = "" if row.low is None or row.high is None else f" [{row.low:.3f}, {row.high:.3f}]"
        print(f"{row.what}: {row.value:.3f}{interval} ({row.line}), n = {row.n}; {row.note}")


if __name__ == "__main__":
    main()

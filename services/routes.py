"""The rules file: what is to be answered how. Read anew when it changes; while it is broken, the last good one holds.

rules:
  - name: our code stays here
    when: {task_types: [code_write, code_fix]}
    then: {only_models: [local]}
"""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agents.errors import PointsmanError
from agents.records import Record
from agents.team.located import Located, read
from agents.team.problems import TeamFileError
from router.rules import Rule, Then, When

log = logging.getLogger("pointsman.routes")


class RoutesError(PointsmanError):
    """The rules file must be changed."""

    def __init__(self, path: Path, first: str, *others: str) -> None:
        rest = f" (and {len(others)} more)" if others else ""
        super().__init__(f"{path}: {first}{rest}")


class Routes:
    """The rules of one file, as it stands. Without a file there are none."""

    def __init__(self, path: Path, *, models: Collection[str], required: bool = False) -> None:
        """Read the file.

        Args:
            path: where it is, or would be.
            models: ids of the models there are, which its rules may name.
            required: it was asked for by name, so it has to be there.

        Raises:
            RoutesError: it cannot be read, or says something that is not understood.
        """
        self._path = path
        self._models = models
        self._required = required
        self._seen = self._state()
        self._rules = self._read()

    def rules(self) -> tuple[Rule, ...]:
        """The rules of the file; of the last good version, while it is broken."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._rules = self._read()
            except RoutesError as error:
                log.error("%s; the rules from before it was changed stay in force", error)
            else:
                log.info("%s: %s rules are in force", self._path, len(self._rules))
        return self._rules

    def _state(self) -> tuple[int, int] | None:
        """What changes with the file; None while there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _read(self) -> tuple[Rule, ...]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self._required:
                raise RoutesError(self._path, "there is no such file") from None
            return ()
        except UnicodeDecodeError as error:
            raise RoutesError(self._path, f"not a text file in UTF-8: {error.reason}") from error
        except OSError as error:
            raise RoutesError(self._path, f"it cannot be read: {error.strerror}") from error
        try:
            return parse_rules(text, models=self._models)
        except TeamFileError as error:
            raise RoutesError(self._path, *[str(problem) for problem in error.problems]) from error


class _File(Record):
    """The whole file."""

    rules: tuple[Rule, ...]


_KEYS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    (): ("rules",),
    ("rules",): ("name", "when", "then"),  # `source`, where a rule comes from, is not for the file to say
    ("rules", "when"): tuple(When.model_fields),
    ("rules", "then"): tuple(Then.model_fields),
}
"""The keys of each place of the file, numbers left out."""


def parse_rules(text: str, *, models: Collection[str]) -> tuple[Rule, ...]:
    """Read the rules in a text. Raises `TeamFileError` with every problem and its place."""
    located = read(text, environment={})
    rules: tuple[Rule, ...] = ()
    try:
        rules = _File.model_validate(located.data).rules
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _translate(detail, located)
    for number, rule in enumerate(rules):
        at = ("rules", number)
        if (*at, "source") in located.keys:
            _unknown_key((*at, "source"), located)
        if rule.name in [other.name for other in rules[:number]]:
            located.report((*at, "name"), f"there is a rule {rule.name!r} before this one")
        for place, name in _models_of(rule.then):
            if name not in models:
                there = f"there is no model {name!r}; there are: {', '.join(models)}"
                located.report((*at, "then", *place), there, known=models, written=name)
    if located.problems:
        raise TeamFileError(*sorted(located.problems, key=lambda problem: (problem.line, problem.column)))
    return rules


def _models_of(then: Then) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The models that a rule sets, each with its place."""
    if then.model is not None:
        yield ("model",), then.model
    for number, name in enumerate(then.only_models):
        yield ("only_models", number), name
    for number, name in enumerate(then.not_models):
        yield ("not_models", number), name


def _translate(detail: ErrorDetails, located: Located) -> None:
    path, written = detail["loc"], detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            _unknown_key(path, located)
        case "missing":
            located.report(path, f"the key {str(path[-1])!r} is missing")
        case "literal_error" | "enum":
            known = re.findall(r"'([^']*)'", detail.get("ctx", {})["expected"])
            located.report(path, f"{written!r} is not one of: {', '.join(known)}", known=known, written=written)
        case "model_type":
            located.report(path, f"{written!r} is not a mapping of keys to values")
        case "tuple_type":
            located.report(path, f"{written!r} is not a list")
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            located.report(path, f"{written!r} cannot be used: {message[0].lower()}{message[1:]}")


def _unknown_key(path: tuple[str | int, ...], located: Located) -> None:
    known = _KEYS[tuple(part for part in path[:-1] if isinstance(part, str))]
    located.report_key(path, f"unknown key {str(path[-1])!r}; there are: {', '.join(known)}", known=known)

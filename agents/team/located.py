"""Reads YAML into plain data and remembers the line and column of every key and value.

Files come from strangers, so size, depth and aliases are bounded, and only plain values are made.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import regex
import yaml
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from agents.team.problems import Problem, TeamFileError

MAX_BYTES = 256 * 1024
MAX_ALIASES = 10
MAX_DEPTH = 40

Path = tuple[str | int, ...]
Mark = tuple[int, int]
"""Line and column, from 1."""

_ENVIRONMENT = regex.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_ELSEWHERE = regex.compile(r"\$\{(?!env:[A-Za-z_])([A-Za-z_]*):?[^}]*\}")
_PLAIN = "tag:yaml.org,2002:"
_PARSED_SCALARS = frozenset(_PLAIN + kind for kind in ("int", "float", "bool", "null"))
_TEXT_SCALARS = frozenset(_PLAIN + kind for kind in ("str", "timestamp", "value"))


@dataclass
class Located:
    """Plain data, the places it came from, and what was found to be wrong with it."""

    data: object = None
    keys: dict[Path, Mark] = field(default_factory=dict[Path, Mark])
    values: dict[Path, Mark] = field(default_factory=dict[Path, Mark])
    problems: list[Problem] = field(default_factory=list[Problem])

    def report(self, path: Path, message: str, *, known: Iterable[str] = (), written: object = None) -> None:
        """Note a problem at the value of the path, or at the nearest thing above it that is there."""
        self._note(path, self._mark(path), message, known=known, written=written)

    def report_key(self, path: Path, message: str, *, known: Iterable[str] = ()) -> None:
        """Note a problem at the key that the path ends in."""
        self._note(path, self.keys.get(path) or self._mark(path), message, known=known, written=path[-1])

    def _mark(self, path: Path) -> Mark:
        return next((self.values[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.values), (1, 1))

    def _note(self, path: Path, mark: Mark, message: str, *, known: Iterable[str], written: object) -> None:
        near = difflib.get_close_matches(written, list(known), n=1) if isinstance(written, str) else []
        problem = Problem(
            line=mark[0],
            column=mark[1],
            path=".".join(str(part) for part in path),
            message=message,
            nearest=near[0] if near else None,
        )
        if problem not in self.problems:
            self.problems.append(problem)


def read(text: str, *, environment: Mapping[str, str]) -> Located:
    """Read one YAML document.

    Raises:
        TeamFileError: it is not YAML, or larger or deeper than a team file can be.
    """
    if len(text.encode()) > MAX_BYTES:
        raise _broken((1, 1), f"the file has {len(text.encode())} bytes; at most {MAX_BYTES} are read")
    try:
        loader = _BoundedLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise _broken((1, 1), "the file is empty")
        located = Located()
        located.data = _Builder(loader, environment, located).build(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(_mark(mark) if mark else (1, 1), f"not YAML: {error.problem or error.context}") from error
    except ReaderError as error:
        raise _broken(_position(text, error.position), f"not YAML: {error.reason}") from error
    return located


class _BoundedLoader(yaml.SafeLoader):
    """The safe loader, with bounds on depth and aliases."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        events = cast("Any", self)  # PyYAML's own parser methods have no types.
        if events.check_event(yaml.AliasEvent):
            self._aliases += 1
        self._depth += 1
        if self._aliases > MAX_ALIASES or self._depth > MAX_DEPTH:
            limit = f"more than {MAX_ALIASES} aliases" if self._aliases > MAX_ALIASES else f"deeper than {MAX_DEPTH}"
            raise ComposerError(None, None, f"{limit} levels", events.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Makes plain data out of YAML's nodes, and notes where each came from."""

    def __init__(self, loader: yaml.SafeLoader, environment: Mapping[str, str], located: Located) -> None:
        self._loader = loader
        self._environment = environment
        self._located = located
        self._open: list[yaml.Node] = []

    def build(self, node: yaml.Node, path: Path) -> object:
        self._located.values[path] = _mark(node.start_mark)
        if node in self._open:
            self._located.report(path, "an alias that holds itself")
            return None
        self._open.append(node)
        try:
            return self._made(node, path)
        finally:
            self._open.pop()

    def _made(self, node: yaml.Node, path: Path) -> object:
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
            case _ if node.tag in _TEXT_SCALARS:
                return self._filled(str(node.value), path)
            case _ if node.tag in _PARSED_SCALARS:
                return self._parsed(node, path)
            case _:
                self._located.report(path, f"values of the kind {node.tag!r} are not read")
                return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        made: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _TEXT_SCALARS:
                written = key_node.value if isinstance(key_node, yaml.ScalarNode) else "this"
                at = (*path, str(written))
                self._located.keys[at] = _mark(key_node.start_mark)
                self._located.report_key(at, f"{written!r} is not text; keys are text, in quotes if need be")
                continue
            key = str(key_node.value)
            at = (*path, key)
            first = self._located.keys.get(at)
            self._located.keys[at] = _mark(key_node.start_mark)
            if key in made and first:
                self._located.report_key(at, f"{key!r} is there twice, first on line {first[0]}")
                continue
            made[key] = self.build(value_node, at)
        return made

    def _parsed(self, node: yaml.Node, path: Path) -> object:
        try:
            return cast("Any", self._loader).construct_object(node)
        except (ValueError, KeyError):
            self._located.report(path, f"{node.value!r} is not a value of the kind {node.tag!r}")
            return None

    def _filled(self, text: str, path: Path) -> str:
        """Put values of the environment into the text, in one pass: what they hold is not looked at again."""
        if other := _ELSEWHERE.search(text):
            self._located.report(path, f"{other.group(0)!r} cannot be filled; there is ${{env:NAME}}")
        for name in _ENVIRONMENT.findall(text):
            if name not in self._environment:
                self._located.report(path, f"the environment variable {name!r} is not set, or not for team files")
        return _ENVIRONMENT.sub(lambda found: self._environment.get(found.group(1), ""), text)


def _mark(mark: yaml.Mark) -> Mark:
    return mark.line + 1, mark.column + 1


def _position(text: str, offset: int) -> Mark:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _broken(mark: Mark, message: str) -> TeamFileError:
    return TeamFileError(Problem(line=mark[0], column=mark[1], path="", message=message))

"""The program in an answer: which of its blocks is meant, and what that needs of the others."""

import ast
from collections.abc import Set

import regex

MAX_CHARACTERS = 200_000
_LANGUAGES = ("", "python", "py", "python3")
_FENCED = regex.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*([\w+.#-]*)[^\n]*\n(.*?)(?:^[ \t]*\1|\Z)", regex.DOTALL | regex.MULTILINE
)
_BEGINS = regex.compile(r"^(?:def |class |import |from \w[\w.]* import |@|async def )", regex.MULTILINE)


def program_in(text: str, wanted: Set[str] = frozenset()) -> str | None:
    """The program in an answer: in its fenced blocks, or in plain sight; it may be broken.

    Args:
        text: The answer.
        wanted: Names of which it has to define one.

    Returns:
        The last block that defines what is wanted, with the imports of those before it; None where there is none.
    """
    text = text[:MAX_CHARACTERS]
    blocks = [found[2] for found in _FENCED.findall(text) if found[1].lower() in _LANGUAGES]
    if not blocks:
        return _unfenced(text)
    defined = [defined_in(block) for block in blocks]
    fitting = [place for place, one in enumerate(defined) if one is not None and (one & wanted if wanted else one)]
    if not fitting:
        readable = [place for place, one in enumerate(defined) if one is not None]
        return blocks[(readable or range(len(blocks)))[-1]]
    last = fitting[-1]
    before = [blocks[place] for place in range(last) if (defined[place] or set()) - (defined[last] or set())]
    needed = [block for block in before if _only_defines(block)]
    return "\n\n".join([*needed, blocks[last]])


def parsed(source: str) -> ast.Module | None:
    """Its syntax tree; None where it is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined_in(source: str) -> set[str] | None:
    """The names that a program defines; None where it is not Python."""
    tree = parsed(source)
    if tree is None:
        return None
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return names


def _only_defines(source: str) -> bool:
    tree = parsed(source)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign
    return tree is not None and all(isinstance(node, kinds) for node in tree.body)


def _unfenced(text: str) -> str | None:
    if parsed(text) is not None and _BEGINS.search(text):
        return text
    begins = _BEGINS.search(text)
    if begins is None:
        return None
    lines = text[begins.start() :].splitlines()
    end = len(lines)
    while end:
        wrong = _first_wrong_line("\n".join(lines[:end]))
        if wrong is None:
            return "\n".join(lines[:end])
        end = min(end, wrong) - 1  # words that follow a program begin where the parser stumbles
    return "\n".join(lines)


def _first_wrong_line(source: str) -> int | None:
    """Number of the line, from 1, that the parser stumbles over; None where it does not."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None

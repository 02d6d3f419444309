"""Rules of the house that no linter knows: names, what an import does, who reads the environment, what is caught."""

import ast
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("agents", "router", "services", "dashboard")
MODULES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
PRODUCT_FILES = sorted(
    path
    for folder in (*PACKAGES, "bench", "examples", "deploy", "docs", ".ci")
    for path in (REPOSITORY / folder).rglob("*")
    if path.is_file() and path.suffix not in {".pyc", ".png", ".bin"}
) + [REPOSITORY / name for name in ("Makefile", "Dockerfile", "docker-compose.yml", "README.md", "CHANGELOG.md")]

RUN_AT_IMPORT = {
    "dashboard.main": "the page that Streamlit runs from the top at each interaction",
    "dashboard.__main__": "starts the dashboard",
    "services.store.migrations.env": "Alembic runs it from the top",
}
"""Modules that are scripts, with the reason; so are the dashboard's views."""

OUTERMOST = {
    "services/runner.py": "the outermost frame of a run: records it as failed and lets the defect rise",
    "services/turns.py": "the outermost frame of a turn: ends its exchange and lets the defect rise",
    "services/worker.py": "the outermost loop of a worker: logs the defect and reads on",
    "services/queue/keeper.py": "the loop that keeps the leases: logs the defect and keeps the others",
    "services/sandbox/cage.py": "the outermost frame before a program: what cannot be shut in does not begin",
    "services/schedule/tick.py": "the loop over due schedules: logs the defect and fires the others",
}
"""Where `except Exception` may stand, with what is done there; a defect is recorded and rises."""


def dotted(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_script(name: str) -> bool:
    return name in RUN_AT_IMPORT or name.startswith(("dashboard.views.", "services.store.migrations.versions."))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_of_ours_is_the_one_in_this_repository(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == REPOSITORY / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_of_ours_is_installed_by_nobody_else(package: str) -> None:
    installers = set(importlib.metadata.packages_distributions().get(package, ["pointsman"]))
    assert installers == {"pointsman"}


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in MODULES} | {path.parent for path in (REPOSITORY / "tests").rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_file_of_the_dashboard_hides_a_module_of_ours_or_of_the_standard_library() -> None:
    taken = set(PACKAGES) | sys.stdlib_module_names
    beside_main = [path for path in (REPOSITORY / "dashboard").iterdir() if path.suffix == ".py" or path.is_dir()]
    # `python -m dashboard` needs a `__main__.py`, and a package its `__init__.py`: neither is imported by that name.
    names = {path.stem for path in beside_main} - {"__main__", "__init__", "__pycache__"}
    assert names & taken == set()


def test_the_dashboard_has_no_folder_that_streamlit_would_take_for_pages() -> None:
    assert not (REPOSITORY / "dashboard" / "pages").exists()


def test_no_test_folder_is_named_as_a_package_of_ours() -> None:
    folders = {path.name for path in (REPOSITORY / "tests").rglob("*") if path.is_dir()}
    assert folders & set(PACKAGES) == set()


def test_the_environment_is_read_in_settings_and_nowhere_else() -> None:
    found = [
        place(path, node)
        for path in MODULES
        if path != REPOSITORY / "services" / "settings.py"
        for node in ast.walk(tree(path))
        if _reads_environment(node)
    ]
    assert found == []


def _reads_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb" | "putenv"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(name.name in {"environ", "environb", "getenv", "getenvb", "putenv"} for name in names)
        case ast.Import(names=names):
            return any(name.name.split(".")[0] == "dotenv" for name in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] == "dotenv"
        case _:
            return False


def test_imports_are_absolute() -> None:
    found = [
        place(path, node)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    module = tree(path)
    if path.name == "__init__.py" and not module.body:
        return
    sentence = ast.get_docstring(module)
    assert sentence, f"{place(path, module)} has no docstring"
    assert sentence.splitlines()[0].rstrip().endswith((".", ":", "?")), (
        f"{place(path, module)} does not open with a sentence"
    )


def test_nothing_is_caught_blindly_but_at_an_outermost_loop() -> None:
    found = [
        place(path, node)
        for path in MODULES
        if str(path.relative_to(REPOSITORY)) not in OUTERMOST
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and _is_blind(node.type)
    ]
    assert found == []


def _is_blind(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id=name):
            return name in {"Exception", "BaseException"}
        case ast.Tuple(elts=members):
            return any(_is_blind(member) for member in members)
        case _:
            return False


def test_the_list_of_outermost_loops_names_only_files_that_need_it() -> None:
    for name in OUTERMOST:
        handlers = [node for node in ast.walk(tree(REPOSITORY / name)) if isinstance(node, ast.ExceptHandler)]
        assert any(_is_blind(handler.type) for handler in handlers), f"{name} catches nothing blindly any more"


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in PRODUCT_FILES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if mark.search(line)
    ]
    assert found == []


WATCHED_IMPORT = """
import importlib, json, logging, os, sys, threading

FORBIDDEN = ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir", "os.remove", "os.rename")
current, found = "", []

def watch(event, arguments):
    if not current:
        return
    if event == "open":
        path, mode, flags = arguments
        # os.devnull is no place to leave anything.
        if path != os.devnull and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            found.append([current, f"opens {path} to write"])
    elif event.startswith(FORBIDDEN):
        found.append([current, f"{event} {arguments!r:.200}"])

sys.addaudithook(watch)
for name in json.loads(sys.stdin.read()):
    threads, handlers = threading.active_count(), list(logging.getLogger().handlers)
    current = name
    importlib.import_module(name)
    current = ""
    if threading.active_count() > threads:
        found.append([name, "starts a thread"])
    if logging.getLogger().handlers != handlers:
        found.append([name, "sets up logging"])
print(json.dumps(found))
"""


def test_importing_any_module_does_nothing_but_define_names() -> None:
    names = [name for name in map(dotted, MODULES) if not is_script(name)]
    watched = subprocess.run(
        [sys.executable, "-B", "-W", "error::SyntaxWarning", "-c", WATCHED_IMPORT],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert watched.returncode == 0, watched.stderr[-3000:]
    assert json.loads(watched.stdout.splitlines()[-1]) == []
    assert watched.stdout.count("\n") == 1, "an import prints something"


def test_the_command_line_shows_its_help_without_importing_what_it_does_not_call() -> None:
    code = "import sys, services.cli.main; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=REPOSITORY
    )
    heavy = {"pydantic", "httpx", "sqlalchemy", "celery", "fastapi", "redis", "streamlit", "services.settings"}
    assert heavy & set(shown.stdout.split()) == set()

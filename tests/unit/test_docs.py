"""The pages for users keep up with the code: settings, commands, links and examples in them exist."""

import re
from pathlib import Path

import click
import pytest
import yaml

from services.cli.main import COMMANDS, pointsman
from services.models.catalog import load_catalog
from services.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
CONFIGURATION = (REPOSITORY / "docs" / "configuration.md").read_text()


def names_of(field: str) -> list[str]:
    """The variables that set a field, the one we document first last."""
    alias = Settings.model_fields[field].validation_alias
    choices = getattr(alias, "choices", [f"POINTSMAN_{field.upper()}"])
    return [choice for choice in choices if choice != field]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_on_the_page_of_settings(field: str) -> None:
    assert all(f"`{name}`" in CONFIGURATION for name in names_of(field))


def test_every_variable_on_the_page_of_settings_is_one() -> None:
    known = {name for field in Settings.model_fields for name in names_of(field)}
    assert set(re.findall(r"`(POINTSMAN_\w+)`", CONFIGURATION)) <= known


def test_the_catalog_on_the_page_of_settings_can_be_loaded(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", CONFIGURATION, flags=re.DOTALL)
    assert yaml.safe_load(example)
    file = tmp_path / "models.yaml"
    file.write_text(example)
    assert load_catalog(file, environment={"RENTED_KEY": "k"}).ids == ("local", "rented")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    context = click.Context(pointsman)
    # A command stands in a block of its own, after a prompt, or between backquotes.
    for name, part in re.findall(r"(?m)(?:^ {4}(?:\$ )?|`)pointsman ([a-z]+)(?: ([a-z]+))?", page.read_text()):
        assert name in COMMANDS, f"{page.name} shows `pointsman {name}`"
        command = pointsman.get_command(context, name)
        if isinstance(command, click.Group) and part:
            assert part in command.list_commands(context), f"{page.name} shows `pointsman {name} {part}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_repository_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []

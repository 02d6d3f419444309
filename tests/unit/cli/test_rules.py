"""`pointsman doctor` on the rules file, which running processes may go by an older version of."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


def rules_of(run: Run) -> tuple[str, str]:
    found = {one["check"]: one for one in json.loads(run("doctor", "--json").out)}
    return found["rules"]["result"], found["rules"]["detail"]


def test_a_broken_rules_file_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    assert rules_of(run) == ("ok", f"none: there is no {path}")
    path.write_text("rules:\n  - name: night\n    then: {effort: low}\n")
    assert rules_of(run) == ("ok", f"1 in {path}")
    path.write_text("rules:\n  - name: night\n    then: {efort: low}\n")
    result, detail = rules_of(run)
    assert result == "failed"
    assert "line 3, column 12: unknown key 'efort'" in detail
    assert "did you mean 'effort'?" in detail


def test_a_rules_file_that_is_named_has_to_be_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_ROUTES", str(tmp_path / "elsewhere.yaml"))
    assert rules_of(run) == ("failed", f"{tmp_path / 'elsewhere.yaml'}: there is no such file")

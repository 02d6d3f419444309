"""Decides which embedded models this machine is to run."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from agents.records import Record
from services.models import weights
from services.up.errors import CannotStart
from services.up.home import require_space
from services.up.machine import LEAST_BYTES_FOR_LARGE

ModelChoice = Literal["none", "small", "all"]


class ModelPlan(Record):
    """Which embedded models run here, and why not others."""

    serve: tuple[weights.Name, ...] = ()
    fetch: tuple[weights.Name, ...] = ()
    remarks: tuple[str, ...] = ()


def plan_models(
    choice: ModelChoice, folder: Path, *, there: Callable[[weights.Name], bool], memory_bytes: int
) -> ModelPlan:
    """Decide which embedded models run, by what was asked for and what this machine can hold.

    Args:
        choice: what was asked for.
        folder: the data folder.
        there: whether a model's weights are on this machine already.
        memory_bytes: of this machine.
    """
    if choice == "none":
        return ModelPlan()
    fetch_small: tuple[weights.Name, ...] = () if there("small") else ("small",)
    if fetch_small:
        require_space(folder, fetch_bytes("small", folder), "fetching the small model")
    small_only = ModelPlan(serve=("small",), fetch=fetch_small)
    if choice == "small":
        return small_only
    if memory_bytes < LEAST_BYTES_FOR_LARGE:
        remark = (
            f"only the small model runs: the large one wants 4 GB of memory, and here are {memory_bytes / 1e9:.1f} GB"
        )
        return small_only.model_copy(update={"remarks": (remark,)})
    if there("large"):
        return ModelPlan(serve=("small", "large"), fetch=fetch_small)
    try:
        require_space(
            folder, sum(fetch_bytes(name, folder) for name in (*fetch_small, "large")), "fetching the large model"
        )
    except CannotStart as problem:
        return small_only.model_copy(update={"remarks": (f"only the small model runs: {problem}",)})
    return ModelPlan(serve=("small", "large"), fetch=(*fetch_small, "large"))


def fetch_bytes(name: weights.Name, home: Path) -> int:
    """Room that a fetch still wants: its parts and the file made of them lie side by side, and some may be there."""
    wanted = weights.EMBEDDED[name]
    files = (
        file for file in weights.models_folder(home).rglob("*") if wanted.file_name in str(file) and file.is_file()
    )
    return wanted.size_bytes + wanted.packages_bytes - sum(file.stat().st_size for file in files)

"""The weights of the embedded models: which files they are, where they lie, and whether they are the right ones."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from agents.records import Record
from services.models.progress import Progress

Name = Literal["small", "large"]

NOTICE = Path(__file__).parent / "NOTICE"
"""Whose work the weights are, and under which licence; it is laid beside them."""

_BLOCK_BYTES = 1 << 22


class Weights(Record):
    """One GGUF file, and where it can be had."""

    name: str
    title: str
    file_name: str
    size_bytes: int
    sha256: str
    packages: Path
    """The packages that carry its parts, one `name==version --hash=sha256:...` a line, in the order of the parts."""
    packages_bytes: int
    """Size of those packages together, or near it: for the room they take, and for progress."""
    repository: str
    """The authors' own, on the model hub."""


EMBEDDED: Mapping[Name, Weights] = {
    "small": Weights(
        name="small",
        title="Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
        file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size_bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        packages=Path(__file__).parent / "small.txt",
        packages_bytes=477_610_024,
        repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    ),
    "large": Weights(
        name="large",
        title="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
        file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        packages=Path(__file__).parent / "large.txt",
        packages_bytes=1_090_000_000,
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    ),
}


def models_folder(home: Path) -> Path:
    """Where weights lie in the data folder."""
    return home / "models"


def path(name: Name, home: Path) -> Path:
    """Where a model's weights lie once they have been fetched and checked; a file of this name is never half a file."""
    return models_folder(home) / EMBEDDED[name].file_name


def is_verified(file: Path, weights: Weights) -> bool:
    """Whether the file was checked before and has not been touched since: no reading of a gigabyte at each start."""
    try:
        return json.loads(_marker(file).read_text()) == _seal(file, weights)
    except (OSError, ValueError):
        return False


def mark_verified(file: Path, weights: Weights) -> None:
    """Remember that the file is what it should be."""
    _marker(file).write_text(json.dumps(_seal(file, weights)))


def hash_file(file: Path, progress: Progress) -> str:
    """The sha256 of a file, with progress by its bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            progress.advance(len(block))
    return digest.hexdigest()


def _seal(file: Path, weights: Weights) -> dict[str, object]:
    stat = file.stat()
    return {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _marker(file: Path) -> Path:
    return file.with_name(f"{file.name}.verified")

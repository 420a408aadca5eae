"""Which code is installed: version, commit where known, and a digest of the sources."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import ascii_lowercase

import msgspec

import unbraid


class Code(msgspec.Struct, frozen=True):
    """The code that planned a sweep or made a result."""

    version: str
    commit: str | None
    digest: str
    """Of the package's Python sources, so that changes without a commit show too."""

    @property
    def identity(self) -> str:
        """The same for the same version and sources; a commit that changes neither makes no difference."""
        return f"{self.version} {self.digest}" if self.digest else str(self)

    def same_as(self, other: Code) -> bool:
        """Whether both are the same code."""
        return self.identity == other.identity

    def __str__(self) -> str:
        commit = f", commit {self.commit[:10]}" if self.commit else ""
        return f"version {self.version}{commit}, sources {self.digest[:8]}"


def lettered(codes: Iterable[Code]) -> dict[str, str]:
    """A letter for each different code, by its identity, in the order in which they come."""
    different = dict.fromkeys(code.identity for code in codes)
    return {one: ascii_lowercase[i] if i < len(ascii_lowercase) else f"v{i}" for i, one in enumerate(different)}


@cache
def code_here() -> Code:
    """The code that is running."""
    package = Path(unbraid.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return Code(unbraid.__version__, _commit(package), digest.hexdigest()[:16])


def _commit(package: Path) -> str | None:
    """The commit of the checkout that holds the package, where it is the package's own."""
    top = package.parent.parent
    if not (top / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(top), "rev-parse", "HEAD"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None

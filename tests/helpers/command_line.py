"""The command line, run in this process."""

from __future__ import annotations

from unbraid.cli.main import main

FAST = ["--steps", "12", "--batch-size", "16", "--latent-dim", "3", "--device", "cpu"]


def run(capsys, *tokens: str) -> tuple[int, str, str]:
    code = main([str(token) for token in tokens])
    shown = capsys.readouterr()
    return code, shown.out, shown.err

"""Runs commands of unbraid in processes that are forked from one which has imported everything: a start costs a twentieth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Starter:
    """Processes by their ids; they stay known until `wait` has given their end."""

    def __enter__(self) -> Starter:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()  # the end of its input is its end

    def start(self, command: Sequence[str], said: Path) -> int:
        """Start `unbraid COMMAND`, whose output goes to a file; the process."""
        return int(self._ask({"run": list(command), "said": str(said)}))

    def is_running(self, process: int) -> bool:
        """Whether it has not ended."""
        return bool(self._ask({"running": process}))

    def wait(self, process: int) -> int:
        """Its exit code once it has ended, or -N after signal N."""
        return int(self._ask({"wait": process}))

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    import torch  # noqa: F401

    from unbraid.cli.main import main

    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            answer: object = os.fork()
            if answer == 0:
                _become(request["said"])
                code = 70
                try:
                    code = main(request["run"])
                finally:
                    sys.stdout.flush(), sys.stderr.flush()
                    os._exit(code)
        elif "running" in request:
            ended = os.waitid(os.P_PID, request["running"], os.WEXITED | os.WNOHANG | os.WNOWAIT)
            answer = ended is None
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _become(said: str) -> None:
    """Take a file for the output and nothing for the input."""
    nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nothing, 0), os.dup2(file, 1), os.dup2(file, 2)


if __name__ == "__main__":
    _serve()

"""Mutation testing: does a test fail when one operator, sign, number, axis or argument of a formula is wrong?

    python benchmarks/mutants.py src/unbraid/rates tests/rates tests/objectives [--sample 40] [--jobs 2] [--again survivors.txt]

Each change (`mutations.py`) is made alone, and the tests that execute the changed line are run until one fails, quick ones
first; for a default those that execute its function, for a constant those of the whole module. Prints the survivors and the
share killed; those in `equivalent_mutants.txt` compute the same, each for the reason given there, and are counted apart.
`--sample` takes some mutants of each module at random, `--seconds` stops after so much of the tests: both find less.

Everything happens in a copy. One process imports all and collects the tests; a fork of it for each mutant exchanges the code of
the one function, under the run-time type checks of the tests. So what test files make or cache while they are collected is of
the unchanged package. A mutant that takes far longer than the tests do is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, zip_longest
from math import inf
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from mutations import Mutant, mutants

EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
LEFT_OUT = shutil.ignore_patterns(".*", "runs", "dist", "__pycache__", "data.npz")
KILLED, SURVIVED, RELOAD, BROKEN = 1, 0, 3, 4
Alive = dict[tuple[str, str, int], list[FunctionType]]
WARM = (
    "scipy.stats",
    "scipy.optimize",
    "scipy.fft",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "torch",
    "hypothesis",
    "beartype",
)


@dataclass(frozen=True)
class Case:
    """A mutant of a module, and what is printed of it."""

    path: str
    mutant: Mutant
    shown: str

    @property
    def key(self) -> str:
        """What names it whatever the line it is in."""
        return f"{self.path} {self.mutant.function or '-'}: {self.shown}"

    @property
    def module(self) -> str:
        return ".".join(Path(self.path).with_suffix("").parts[1:])


@dataclass
class Baseline:
    """What the tests do to the unchanged package: seconds and lines executed, by test; and modules imported.

    Args:
        most: seconds of tests that are enough for a mutant.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    most: float = inf

    def tests_of(self, case: Case) -> list[str]:
        """The tests to run, those of the module's own file first, quick ones first."""
        wanted = {(case.path, line) for line in case.mutant.reach}
        own = f"test_{Path(case.path).stem}.py"
        found = sorted(
            (
                test
                for test, lines in self.lines.items()
                if lines & wanted or (not case.mutant.function and names(test, case.module))
            ),
            key=lambda test: (own not in test or self.seconds[test] > 1, self.seconds[test], test),
        )
        spent = list(accumulate(self.seconds[test] for test in found))
        return [test for test, seconds in zip(found, spent, strict=True) if seconds <= self.most]


class Session:
    """Collects the tests, measures them or gets them, and then does what it is asked to with them."""

    def __init__(self, then: Callable[[pytest.Session], None]) -> None:
        self.then = then

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            os._exit(KILLED)
        self.then(session)
        return True


def collect(tests: list[str], then: Callable[[pytest.Session], None]) -> int:
    """Run pytest on files, with tests of random input the same at each run and not made small."""
    from hypothesis import Phase, settings

    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate]
    )
    options = ["-q", "-s", "-x", "--tb=no", "-W", "ignore::pytest.PytestAssertRewriteWarning", "--hypothesis-profile=mutants"]
    options += [part for name in ("cacheprovider", "faulthandler", "xdist") for part in ("-p", f"no:{name}")]
    return int(pytest.main([*options, *tests], plugins=[Session(then)]))


def passed(session: pytest.Session, items: list[pytest.Item]) -> bool:
    """Whether all tests pass, as none do not; stops at the first that does not."""
    for item, following in zip_longest(items, items[1:]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return False
    return True


@contextlib.contextmanager
def traced(paths: set[str], lines: list[set[tuple[str, int]]]) -> Iterator[None]:
    """Note the lines of these files that are executed, in the last of some sets."""
    root = str(Path.cwd()) + "/"

    def local(frame, event, _):
        lines[-1].add((frame.f_code.co_filename.removeprefix(root), frame.f_lineno))
        return local

    def called(frame, event, _):
        return local(frame, event, _) if frame.f_code.co_filename.removeprefix(root) in paths else None

    sys.settrace(called)
    try:
        yield
    finally:
        sys.settrace(None)


class Fixtures:
    """Lines that are executed to make a fixture: those of every test that asks for it, not of the first one alone."""

    def __init__(self) -> None:
        self.lines: list[set[tuple[str, int]]] = []
        self.made: dict[pytest.FixtureDef, set[tuple[str, int]]] = defaultdict(set)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        self.lines.append(self.made[fixturedef])
        try:
            return (yield)
        finally:
            self.lines.pop()

    def of(self, item: pytest.Item) -> set[tuple[str, int]]:
        """Lines of all fixtures of a test."""
        return set().union(*(self.made[own] for owns in item._fixtureinfo.name2fixturedefs.values() for own in owns))


def measure(session: pytest.Session, paths: set[str]) -> Baseline:
    """Run all tests once."""
    baseline, fixtures = Baseline(), Fixtures()
    session.config.pluginmanager.register(fixtures)
    for item, following in zip_longest(session.items, session.items[1:]):
        start, lines = time.process_time(), set()
        fixtures.lines = [lines]
        with traced(paths, fixtures.lines):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        baseline.seconds[item.nodeid] = time.process_time() - start
        baseline.lines[item.nodeid] = lines | fixtures.of(item)
        if session.testsfailed:
            print(f"{item.nodeid} fails on the unchanged package", file=sys.stderr)
            session.testsfailed = 0
            del baseline.lines[item.nodeid]
    baseline.modules = list(sys.modules)
    return baseline


@cache
def names(test: str, module: str) -> bool:
    """Whether the file of a test names a module: defaults may be compared without executing a line of it."""
    return module in Path(test.partition("::")[0]).read_text()


def codes_in(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Functions of a module or class by name and first line; functions inside functions are part of these."""
    found = {}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found[constant.co_qualname, constant.co_firstlineno] = constant
            found |= codes_in(constant)
    return found


def alive_in(paths: set[str]) -> Alive:
    """The functions of these files that exist, by file, name and first line."""
    found = defaultdict(list)
    root = str(Path.cwd()) + "/"
    for thing in gc.get_objects():
        if type(thing) is FunctionType and (path := thing.__code__.co_filename.removeprefix(root)) in paths:
            found[path, thing.__code__.co_qualname, thing.__code__.co_firstlineno].append(thing)
    return found


def exchange(case: Case, source: bytes, alive: Alive) -> None:
    """Give the functions that are alive the changed code; exits with RELOAD where that cannot be done."""
    lines = [key[2] for key in alive if key[:2] == (case.path, case.mutant.function) and key[2] <= case.mutant.line]
    if not lines:
        os._exit(RELOAD)
    module = sys.modules[case.module]
    new = codes_in(module.__spec__.loader.source_to_code(case.mutant.apply(source), module.__file__))
    for function in alive[case.path, case.mutant.function, max(lines)]:
        code = new[case.mutant.function, max(lines)]
        if code.co_freevars != function.__code__.co_freevars:
            os._exit(RELOAD)
        function.__code__ = code


def reload_with(case: Case, source: bytes) -> None:
    """Let the module be imported as changed."""
    from importlib.machinery import SourceFileLoader

    original = SourceFileLoader.get_code

    def get_code(self, name):
        return self.source_to_code(case.mutant.apply(source), self.path) if name == case.module else original(self, name)

    SourceFileLoader.get_code = get_code


def limited(seconds: float) -> None:
    """In a fork: silent, and killed when it takes far longer than the tests do."""
    limit = int(10 + 3 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(20 * limit)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def forked(jobs: int, work: Iterator[tuple[Case, Callable[[], None]]], done: Callable[[Case, int], None]) -> None:
    """Do each piece of work in a fork, some at a time.

    `done` gets how it ended: KILLED for any unusual end, such as a limit of time, but BROKEN for an error of this program.
    """
    running: dict[int, Case] = {}

    def wait() -> None:
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        done(running.pop(pid), code if code in {SURVIVED, RELOAD, BROKEN} else KILLED)

    for case, act in work:
        if len(running) == jobs:
            wait()
        pid = os.fork()
        if pid == 0:
            try:
                act()
            except BaseException:
                os._exit(BROKEN)
            os._exit(KILLED)
        running[pid] = case
    while running:
        wait()


class Run:
    """Mutants of some modules against some tests."""

    def __init__(self, paths: list[str], tests: list[str], jobs: int, most: float, folder: Path) -> None:
        self.sources = {path: Path(path).read_bytes() for path in paths}
        self.tests, self.jobs, self.folder = tests, jobs, folder
        self.most, self.baseline, self.results = most, Baseline(), dict[Case, int]()

    def cases(self, sample: int | None) -> list[Case]:
        """All mutants, or some at random of each module."""
        found = []
        for path, source in self.sources.items():
            own = [Case(path, mutant, mutant.shown(source)) for mutant in mutants(source)]
            if sample is not None and len(own) > sample:
                own = [own[i] for i in sorted(random.Random(path).sample(range(len(own)), sample))]
            found += own
        return found

    def note(self, case: Case, status: int) -> None:
        self.results[case] = status
        if status in {SURVIVED, BROKEN}:
            print(
                f"{'survived' if status == SURVIVED else 'not tried'}  {case.path}:{case.mutant.line}  {case.shown}", flush=True
            )

    def limit(self, tests: list[str]) -> float:
        return sum(self.baseline.seconds[test] for test in tests)

    def in_session(self, cases: list[Case]) -> None:
        """All mutants inside functions, in forks of a process that has collected the tests; leaves results in a file."""

        def then(session: pytest.Session) -> None:
            file = self.folder / "baseline"
            pid = os.fork()
            if pid == 0:
                try:
                    file.write_bytes(pickle.dumps(measure(session, set(self.sources))))
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            self.baseline = pickle.loads(file.read_bytes())
            self.baseline.most = self.most
            print(f"{len(session.items)} tests take {sum(self.baseline.seconds.values()):.0f} s when watched", flush=True)
            items = {item.nodeid: item for item in session.items}
            for name in sorted(set(self.baseline.modules) - set(sys.modules)):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
            alive = alive_in(set(self.sources))
            gc.collect()
            gc.freeze()
            forked(self.jobs, ((case, lambda case=case: self.act(case, session, items, alive)) for case in cases), self.note)
            (self.folder / "results").write_bytes(pickle.dumps(self.results))

        pid = os.fork()
        if pid == 0:
            try:
                collect(self.tests, then)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(0)
        os.waitpid(pid, 0)
        self.baseline = pickle.loads((self.folder / "baseline").read_bytes())
        self.baseline.most = self.most
        self.results = pickle.loads((self.folder / "results").read_bytes())

    def act(self, case: Case, session: pytest.Session, items: dict[str, pytest.Item], alive: Alive) -> None:
        tests = self.baseline.tests_of(case)
        limited(self.limit(tests))
        exchange(case, self.sources[case.path], alive)
        os._exit(SURVIVED if passed(session, [items[test] for test in tests]) else KILLED)

    def reloaded(self, cases: list[Case]) -> None:
        """Mutants of what runs at import, each in a fork that imports the package itself."""

        def act(case: Case) -> None:
            tests = self.baseline.tests_of(case)
            limited(60 + self.limit(tests))
            reload_with(case, self.sources[case.path])

            def then(session: pytest.Session) -> None:
                items = {item.nodeid: item for item in session.items}
                os._exit(SURVIVED if passed(session, [items[test] for test in tests if test in items]) else KILLED)

            collect(sorted({test.partition("::")[0] for test in tests}) or self.tests, then)

        forked(self.jobs, ((case, lambda case=case: act(case)) for case in cases), self.note)

    def do(self, cases: list[Case]) -> None:
        self.in_session([case for case in cases if case.mutant.function])
        for name in self.baseline.modules:
            if name.partition(".")[0] in WARM:
                importlib.import_module(name)
        self.reloaded([case for case in cases if self.results.get(case, RELOAD) == RELOAD])


def equivalents() -> set[str]:
    """Mutants that compute the same: a line each, and below those of one reason the reason, indented."""
    lines = EQUIVALENT.read_text().splitlines()
    return {line for line in lines if line.strip() and not line.startswith(("#", " "))}


def stale(known: set[str], sources: dict[str, bytes]) -> list[str]:
    """Lines of these modules that name no mutant of theirs any more."""
    made = {Case(path, mutant, mutant.shown(source)).key for path, source in sources.items() for mutant in mutants(source)}
    return sorted(key for key in known - made if key.partition(" ")[0] in sources)


def report(results: dict[Case, int], sources: dict[str, bytes]) -> None:
    """Counts by module."""
    known = equivalents()
    for key in stale(known, sources):
        print(f"not any more, in {EQUIVALENT.name}: {key}")
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for case, status in results.items():
        place = 1 if status == KILLED else 2 if case.key in known else 3
        for name in (case.path, "all"):
            counts[name][0] += 1
            counts[name][place] += 1
    print(f"\n{'module':60} mutants  killed  equivalent  survived   share")
    for name, (number, killed, same, survived) in sorted(counts.items()):
        print(f"{name:60} {number:7} {killed:7} {same:11} {survived:9}  {killed / max(number - same, 1):6.1%}")


def main() -> None:
    """Copy, mutate, count."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # forks share no threads
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="modules or packages under src, then tests")
    parser.add_argument("--sample", type=int, help="mutants of each module, at random; the same at each call")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=inf, help="of tests that a mutant has to survive, quick ones first")
    parser.add_argument("--again", type=Path, help="only the survivors in this file, which --save wrote")
    parser.add_argument("--save", type=Path, help="file to write the survivors to, in the form of equivalent_mutants.txt")
    given = parser.parse_args()
    again = given.again and set(given.again.read_text().splitlines())
    save = given.save and given.save.resolve()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(Path(__file__).parent.parent, copy, ignore=LEFT_OUT)
        os.chdir(copy)
        sys.path.insert(0, str(copy / "src"))
        modules = [path for given_path in given.paths if given_path.startswith("src") for path in files_in(given_path)]
        run = Run(
            modules, [path for path in given.paths if not path.startswith("src")], given.jobs, given.seconds, Path(folder)
        )
        cases = [case for case in run.cases(given.sample) if again is None or case.key in again]
        print(f"{len(cases)} mutants", flush=True)
        run.do(cases)
        os.chdir("/")
    report(run.results, run.sources)
    if save:
        known = equivalents()
        save.write_text(
            "".join(f"{case.key}\n" for case, status in run.results.items() if status != KILLED and case.key not in known)
        )


def files_in(path: str) -> list[str]:
    """The modules of a package, or the one module."""
    return sorted(map(str, Path(path).rglob("*.py"))) if Path(path).is_dir() else [path]


if __name__ == "__main__":
    main()

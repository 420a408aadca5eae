"""From requests to a plan: what is known already is not resolved again, and must mean what it meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from unbraid.errors import UsageError
from unbraid.sweep.code import Code, code_here
from unbraid.sweep.former import configuration_today, request_today
from unbraid.sweep.points import Group, Plan, Request, Scoring, by_configuration, key_of
from unbraid.sweep.resolving import data_stamp, located, names_own_part, require_same, resolve

Told = Callable[[int, int], None]


class CodeMismatch(UsageError):
    """The installed code is not that which a sweep was planned with."""


def make_plan(
    requests: Iterable[Request],
    scoring: Scoring,
    known: Sequence[Plan],
    *,
    device: str = "auto",
    progress: Told | None = None,
) -> Plan:
    """Resolve requests; nothing is written.

    Args:
        requests: as they were asked for.
        scoring: how runs are scored.
        known: plans that the folder holds, oldest first. What the same code resolved is taken from there.
        progress: told how many configurations of how many are resolved.

    Raises `ConfigMismatch` for a request that meant something else when it was planned before, and what `unbraid.train`
    refuses.
    """
    groups: list[Group] = []
    before = {request_today(group.request).but_seed: (group, plan.code) for plan in known for group in plan.groups}
    together = by_configuration(located(request) for request in requests)
    if not together:
        raise UsageError("The sweep asks for no run.")
    for done, (name, own) in enumerate(together.items()):
        if progress:
            progress(done, len(together))
        groups.append(_group(own, *before.get(name, (None, None))))
    return Plan(_merged(groups), scoring, code_here(), device)


def _group(own: Sequence[Request], old: Group | None, code: Code | None) -> Group:
    first = own[0]
    stamp = data_stamp(first)
    options = {name: value for name, value in first.options.items() if name != "seed"}
    seeds = [request.seed for request in own]
    if old is not None and code is not None and code.same_as(code_here()) and old.stamp == stamp and not names_own_part(first):
        return msgspec.structs.replace(old, seeds=seeds)
    configuration = resolve(first)
    made = Group(first.model, first.data, options, configuration, stamp, seeds)
    if old is not None and code is not None:
        require_same(old.configuration, configuration, made.label, f"with {code}")
        return msgspec.structs.replace(made, configuration=old.configuration)  # runs keep the names that they were given then
    return made


def _merged(groups: Sequence[Group]) -> list[Group]:
    """Groups that were asked for in different words and mean the same, together."""
    merged: dict[str, Group] = {}
    for group in groups:
        meaning = key_of(configuration_today(group.configuration), 0)
        known = merged.setdefault(meaning, group)
        merged[meaning] = msgspec.structs.replace(known, seeds=list(dict.fromkeys([*known.seeds, *group.seeds])))
    return list(merged.values())


def require_same_code(planned: Code, *, allow: bool) -> None:
    """Raise `CodeMismatch` where other code is installed than a sweep was planned with.

    Nothing is raised if that is allowed.
    """
    here = code_here()
    if not allow and not planned.same_as(here):
        raise _mismatch(planned, here)


def require_known_code(known: Sequence[Plan], *, allow: bool) -> None:
    """Raise `CodeMismatch` for a folder whose plans were all made with other code than is installed.

    Once it was allowed, a plan of the folder names the new code, and it need not be allowed again.
    """
    here = code_here()
    if known and not allow and not any(plan.code.same_as(here) for plan in known):
        raise _mismatch(known[-1].code, here)


def _mismatch(planned: Code, here: Code) -> CodeMismatch:
    return CodeMismatch(
        f"This sweep was planned with unbraid {planned}, and installed is {here}. Its runs would be made by two versions: "
        "install the former, give --allow-version-change (tables then mark which version made what), or another --out."
    )

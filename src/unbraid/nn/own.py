"""Networks that are not registered but named by module and class, like "mylab.nets:Encoder"."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from unbraid.errors import UnbraidError, UsageError, warn
from unbraid.registry import Entry, Registry
from unbraid.trust import MAIN, is_own, named_object


class NetworkRegistry(Registry):
    """Registered networks, and those that a module holds.

    Args:
        takes: names of the two arguments that every factory begins with.
    """

    def __init__(self, kind: str, plural: str, package: str, takes: tuple[str, str]) -> None:
        super().__init__(kind, plural, package)
        self.takes = takes

    def __getitem__(self, name: str) -> Entry:
        return self._own(name) if is_own(name) else super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        if not is_own(name):
            return super().__contains__(name)
        try:
            return bool(self._own(str(name)))
        except UnbraidError:
            return False

    def name_of(self, network: Any) -> str:
        """The name of a class or function, by which a later process finds it again.

        What stands in a notebook or script is found there alone, with an `UnbraidWarning`.

        Raises `UsageError` for what cannot be found by a name: instances, lambdas, what stands in a function.
        """
        if not isinstance(network, (type, FunctionType)):
            kind = type(network).__name__
            raise UsageError(
                f"{self.kind} is an instance of {kind}; give the class or a function, so that the network can be built again "
                f"when the run is loaded: {self.kind}={kind}. Its options are arguments {self.kind}_NAME=VALUE. To begin from "
                f"its weights, give a function ({', '.join(self.takes)}) that returns a copy of it: docs/own-networks.md."
            )
        module, name = network.__module__, network.__qualname__
        known: Any = getattr(sys.modules.get(module), name, None)
        if known is not network:
            raise UsageError(
                f"{self.kind} {name!r} of {module} cannot be imported by its name, so a later process could not load the run. "
                f"Put it at the top level of a module (mylab/nets.py: {self.kind}=mylab.nets.{name.rpartition('.')[2]}), or "
                f"register it in an installed package: docs/extending.md."
            )
        entry = self._checked(f"{module}:{name}", network)
        if module == MAIN:
            warn(
                f"{self.kind.capitalize()} {name} is defined in a notebook or script. The run can be loaded only there, once "
                "that is defined again; put it into a module to load the run from anywhere."
            )
        return entry.name

    def _own(self, name: str) -> Entry:
        return self._checked(name, named_object(self.kind, name))

    def _checked(self, name: str, found: Callable[..., Any]) -> Entry:
        """The entry of a factory whose first two arguments have the required names.

        They are required so that no other function can be called.
        """
        from torch import nn

        is_network = inspect.isclass(found) and issubclass(found, nn.Module)
        takes = tuple(inspect.signature(found).parameters)[:2] if is_network or inspect.isfunction(found) else ()
        if takes != self.takes:
            raise UsageError(
                f"{self.kind} {name!r} must be a subclass of torch.nn.Module, or a function that returns a module, whose first "
                f"two arguments are {self.takes[0]} and {self.takes[1]}."
            )
        return Entry(name, self.kind, found, name)

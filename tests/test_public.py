"""What `import unbraid` gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import unbraid
from helpers.tiny import TINY
from unbraid.data.dataset import Dataset
from unbraid.errors import UsageError


def test_dir_lists_what_is_public_and_nothing_else():
    assert dir(unbraid) == sorted([*unbraid.__all__, "data", "figures", "metrics"])
    for name in dir(unbraid):
        thing = getattr(unbraid, name)
        assert name == "__version__" or thing.__doc__, name
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        unbraid.nothing_of_ours  # noqa: B018


def test_metrics_are_there_after_import_unbraid_and_cost_nothing_before():
    code = "import sys, unbraid; early = 'unbraid.metrics' in sys.modules; unbraid.metrics.mig; "
    code += "print(early, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False False\n"


def test_api_says_what_is_public():
    from unbraid import api

    own = {n for n, thing in vars(api).items() if getattr(thing, "__module__", "") == "unbraid.api" and not n.startswith("_")}
    assert set(api.__all__) >= own - {"RUNS"}
    assert all(hasattr(api, name) for name in api.__all__)


class TestOneDoorToDataSets:
    def test_takes_names_addresses_images_and_data_sets(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
        np.savez(tmp_path / "x.npz", images=images)
        named = unbraid.dataset(TINY, test_share=0.5)
        assert (named.name, len(named.test)) == (TINY, 120)
        assert len(unbraid.dataset(f"npz:{tmp_path / 'x.npz'}")) == 40
        made = unbraid.dataset(images, labels=np.arange(40) % 4)
        assert isinstance(made, Dataset)
        assert unbraid.dataset(made) is made

    def test_refuses_in_words(self):
        with pytest.raises(UsageError, match="Did you mean 'ellipses'"):
            unbraid.dataset("elipses")
        with pytest.raises(UsageError, match="Did you mean 'factors'"):
            unbraid.dataset(np.zeros((4, 8, 8)), factor=[1, 2, 3, 4])
        with pytest.raises(UsageError, match="is a data set already"):
            unbraid.dataset(unbraid.dataset(np.zeros((4, 8, 8))), labels=[1, 2, 3, 4])


@pytest.mark.parametrize("device", ["mps", "meta", "tpu", "cuda:x", "cpu:0 "])
def test_devices_are_refused_in_our_words(device):
    from unbraid.api import pick_device

    with pytest.raises(UsageError, match="allowed: auto, cpu, cuda, cuda:N") as caught:
        pick_device(device)
    assert "dispatch" not in str(caught.value)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("package", ["unbraid", "unbraid.figures", "unbraid.metrics"])
def test_a_name_stays_what_it_is_once_all_modules_are_imported(package):
    code = "import pkgutil, sys; from importlib import import_module\n"
    code += f"package = import_module({package!r})\n"
    code += "for found in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
    code += "    found.name.endswith('__main__') or import_module(found.name)\n"
    code += "print([name for name in package.__all__ if isinstance(getattr(package, name), type(sys))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_name_that_a_module_would_hide_is_refused():
    from unbraid.lazy import lazy

    with pytest.raises(ValueError, match="spectra would be hidden"):
        lazy("package", {"spectra": ("spectra",)})

"""Every test runs with array shapes and types checked at each call."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; tests press Ctrl-C on what they start
    signal.signal(signal.SIGINT, signal.default_int_handler)

from jaxtyping import install_import_hook

import helpers.typechecking  # noqa: F401 - the hook below looks it up by its name

install_import_hook("unbraid", "helpers.typechecking.check")

import hypothesis
import numpy as np
import pytest
import torch

hypothesis.settings.register_profile("unbraid")  # a busy machine is no failure
hypothesis.settings.load_profile("unbraid")

ROOT = Path(__file__).parent


SLOWEST = """
cli/test_circumstances.py
cli/test_cli.py
cli/test_figure_command.py
cli/test_own_data.py
cli/test_probe_command.py
data/published/test_every_published_set.py
data/test_faces.py
data/test_outlines.py
data/test_ray_casting.py
data/test_shapes.py
evaluation/test_stored.py
explorer/test_browser.py
explorer/test_browser_others.py
explorer/test_export.py
explorer/test_grid.py
long/test_faults.py
metrics/test_degenerate.py
metrics/test_evaluate.py
metrics/test_infomec.py
metrics/test_invariances.py
metrics/test_null_encoders.py
metrics/test_theory.py
nn/test_combinations.py
objectives/test_constrained.py
objectives/test_factor.py
objectives/test_linear.py
objectives/test_page.py
reporting/test_comparison.py
reporting/test_in_browser.py
reporting/test_page.py
studies/test_docs.py
studies/test_study_command.py
sweep/test_compare.py
sweep/test_engines.py
sweep/test_scale.py
sweep/test_storm.py
sweep/test_sweep_command.py
test_doctests.py
test_extending.py
test_model.py
test_old_runs.py
test_own_data.py
test_own_networks.py
test_pages.py
test_parallel.py
training/test_durability.py
training/test_resume.py
training/test_run_folder.py
"""
"""Files that take most of the time of all tests; left out on the oldest versions, and of `make check`."""

SLOW = """
data/test_annotated_codes.py
evaluation/test_cost.py
evaluation/test_without_labels.py
explorer/test_explore.py
importers/test_dubois2019.py
malformed/test_corpus.py
metrics/test_continuous.py
metrics/test_mcc_r2.py
reporting/test_gallery.py
reporting/test_images_in_any_numbers.py
reporting/test_same_images.py
studies/test_over_training.py
studies/test_released.py
sweep/test_worker.py
test_contracts.py
test_estimator.py
test_hub.py
test_notebooks.py
test_python_page.py
test_pytorch.py
test_trackers.py
test_website.py
training/test_board.py
training/test_no_waiting.py
training/test_symptoms.py
zoo/test_constrained.py
zoo/test_hyperprior.py
zoo/test_soft_intro.py
zoo/test_weak.py
"""
"""Files that take most of what is left; `make check` leaves them out too."""


def pytest_collection_modifyitems(items):
    slowest = {ROOT / name for name in SLOWEST.split()}
    slow = {ROOT / name for name in SLOW.split()} | slowest
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)
        if item.path in slowest:
            item.add_marker(pytest.mark.slowest)


@pytest.fixture(autouse=True)
def _one_thread_and_untouched_global_randomness():
    """One thread, so that results repeat; and a check that nothing draws from the global generators."""
    torch.set_num_threads(1)
    before = (torch.get_rng_state(), np.random.get_state()[1].copy())  # noqa: NPY002 - it is the global state we watch
    yield
    assert torch.equal(before[0], torch.get_rng_state()), "the global torch generator was used"
    assert (before[1] == np.random.get_state()[1]).all(), "the global NumPy generator was used"  # noqa: NPY002


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _mnist_and_fashion_mnist(tmp_path_factory):
    """Drawn images instead of MNIST, and of Fashion-MNIST where Debian's package with the real one is not installed."""
    from helpers.idx_stand_in import put_stand_in
    from unbraid.data.sets import fashion_mnist, mnist

    with pytest.MonkeyPatch.context() as patch:
        put_stand_in(mnist.FILES, tmp_path_factory.mktemp("mnist"), patch)
        if not fashion_mnist.FILES.system_folder.is_dir():
            put_stand_in(fashion_mnist.FILES, tmp_path_factory.mktemp("fashion"), patch)
        yield

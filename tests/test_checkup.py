"""What `unbraid doctor` and `unbraid --version --verbose` find."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import unbraid
from unbraid import checkup
from unbraid.checkup import check_machine, facts
from unbraid.cli.main import main
from unbraid.cores import container_share, cores, usable_cores


def findings(**options):
    return {finding.name: finding for finding in check_machine(**options)}


def test_containers_share_cores_by_either_kind_of_control_group(tmp_path):
    assert container_share(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert container_share(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    assert container_share(tmp_path) == 0.5
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    assert container_share(tmp_path) == 2.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert container_share(tmp_path) is None


def test_part_of_a_core_is_a_core_to_work_with(monkeypatch):
    monkeypatch.setattr("unbraid.cores.container_share", lambda folder: 0.5)
    assert (usable_cores(), cores()) == (0.5, 1)


def test_more_threads_than_cores_are_worth_a_look(monkeypatch):
    monkeypatch.setattr(checkup, "usable_cores", lambda: 2.0)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    found = findings(speed=False)["threads"]
    assert found.state == "slow"
    assert "OMP_NUM_THREADS=2" in found.advice
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert findings(speed=False)["threads"].state == "good"


def test_other_work_is_seen(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (5.0, 0.0, 0.0))
    monkeypatch.setattr(checkup, "usable_cores", lambda: 2.0)
    assert findings(speed=False)["other work"].state == "slow"
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 0.0, 0.0))
    assert findings(speed=False)["other work"].state == "good"


def test_a_cache_that_cannot_be_written_ends_with_1_and_the_way_out(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--no-speed"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "fails cache:" in shown
    assert "set UNBRAID_CACHE to a folder that can be written" in shown
    assert "1 makes commands fail" in shown


def test_looking_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert findings(speed=False)["cache"].state == "good"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_worth_a_look(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    found = findings(speed=False)["cache"]
    assert found.state == "slow"
    assert "1.0 GB free" in found.found


@pytest.mark.parametrize(("images", "state"), [(99, "slow"), (101, "good")])
def test_speed_is_judged_by_what_the_machine_allows(monkeypatch, images, state):
    allowed = checkup.FLOPS * 100 / checkup.LEAST_SHARE
    monkeypatch.setattr(checkup, "_images_per_second", lambda: images)
    monkeypatch.setattr(checkup, "_operations_per_second", lambda: allowed)
    assert findings()["speed"].state == state


def test_a_step_and_a_product_are_timed():
    assert 1 < checkup._images_per_second(batch=2, steps=14) < 1e6
    assert 1e8 < checkup._operations_per_second() < 1e15


def test_versions_for_a_bug_report_do_not_name_the_user(monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(Path(unbraid.__file__).parents[2]))
    monkeypatch.setenv("UNBRAID_CACHE", "~/kept")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert main(["--version", "--verbose"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["unbraid"] == f"{unbraid.__version__}, in ~/src/unbraid"
    assert shown["cache"] == "~/kept"
    assert {"torch", "numpy", "processor", "system", "OMP_NUM_THREADS"} <= shown.keys()
    assert facts()["UNBRAID_CACHE"] == "~/kept"


def test_versions_are_those_of_all_that_extras_bring():
    extras = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {re.match(r"[\w-]+", one)[0] for name, of in extras.items() if name not in ("dev", "docs") for one in of}
    assert brought <= set(checkup.LIBRARIES)

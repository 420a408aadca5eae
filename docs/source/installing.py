"""Install unbraid and each of its extras into empty folders, and write docs/installing.md with their sizes.

python docs/source/installing.py     # about a minute, where the packages are in uv's cache
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from tables import markdown

TEXT = Path(__file__).with_suffix(".md")
ROOT = TEXT.parents[2]
FOR = {
    "hdf5": "the HDF5 files of published data sets",
    "export": "`unbraid export` and `unbraid explore`",
    "onnx": "scores of encoders in ONNX files",
    "anndata": "scores of codes in annotated data, `.h5ad` and `.zarr`",
    "parquet": "tables in Parquet files",
    "dask": "sweeps on dask: `--engine dask`",
    "slurm": "sweeps on Slurm: `--engine slurm`",
    "hub": "models on the Hugging Face Hub, [hub](hub.md)",
    "notebook": "the bar of training [in notebooks](notebooks.md)",
    "torchmetrics": "metrics as [torchmetrics](pytorch.md) has them",
    "trackio": "an [experiment tracker](trackers.md) on this machine",
}
"""What an extra is for. Those of developers are left out."""
SHOWN = 5


def main() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    if missing := extras.keys() - FOR.keys() - {"dev", "docs"}:
        raise SystemExit(f"Say what these extras are for: {', '.join(missing)}")
    base = installed(str(ROOT))
    rows = [["`pip install unbraid`", "all but what follows", f"{sum(base.values()):,.0f}"]]
    for extra, what in FOR.items():
        more = sum(installed(f"{ROOT}[{extra}]").values()) - sum(base.values())
        rows.append([f"`unbraid[{extra}]`", what, f"+ {more:,.0f}"])
    largest = sorted(base, key=lambda name: -base[name])[:SHOWN]
    parts = {
        "table": markdown(["install", "for", "MB"], rows).replace("| --- | --- | --- |", "| --- | --- | --: |"),
        "python": ".".join(map(str, sys.version_info[:2])),
        "largest": "The largest of the rest: "
        + ", ".join(f"{name} {base[name]:.0f}" for name in largest if name != "torch")
        + ".",
        "seconds": f"{imported():.1f}",
        "metrics": f"{base['numpy'] + base['scipy']:.0f}",
        "scores": f"{base['numpy'] + base['scipy'] + base['sklearn']:.0f}",
    }
    page = TEXT.read_text()
    for name, text in parts.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    (ROOT / "docs" / "installing.md").write_text(page)


def installed(*wanted: str) -> dict[str, float]:
    """MB of each folder that a fresh install leaves, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*command, "--target", folder, *wanted], check=True)
        found: dict[str, float] = {}
        for path in Path(folder).rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).parts[0].removesuffix(".libs")
                found[name] = found.get(name, 0.0) + path.stat().st_size / 1e6
        return found


def imported() -> float:
    """Seconds until a metric can be called, the least of five processes."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import unbraid; unbraid.metrics.mig"], check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


if __name__ == "__main__":
    main()

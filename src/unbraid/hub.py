"""Models on the Hugging Face Hub: weights and configuration as data, with a card."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from unbraid.api import load, view_of
from unbraid.errors import DataUnavailable, UnbraidError, UsageError
from unbraid.files import whole_file
from unbraid.model import Model
from unbraid.reporting.model_card import TRAVERSALS, model_card
from unbraid.reporting.view import RunView
from unbraid.training.checkpoint import WEIGHTS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"
FILES = ("config.json", WEIGHTS)
"""What `from_pretrained` reads."""


def save_pretrained(run: str | Path | Model, folder: str | Path, *, repo: str = "", data: object = None) -> Path:
    """Write configuration, weights and a model card to a folder.

    `unbraid.load` and `from_pretrained` read it. The card has scores where a run was scored, and traversals where its images
    may be passed on.

    Args:
        run: a run folder, or a model.
        folder: new or empty.
        repo: what the card calls it; by default the folder's name.
        data: of the run, where they were given in Python.

    Raises `UsageError` where the folder holds anything already or there is no trained model.

    >>> folder = save_pretrained("runs/first", "uploaded", repo="me/first")
    >>> sorted(path.name for path in folder.iterdir())
    ['README.md', 'config.json', 'model.safetensors']
    """
    model, view = _opened(run, data)
    saved = model.save(folder)
    picture = False
    if view is not None and view.dataset.redistributable:
        from unbraid.figures import save
        from unbraid.reporting.gallery.registry import draw

        picture = True
        drawn = draw("traversals", [view], {}).content
        assert not isinstance(drawn, Sequence)
        save(drawn, saved / TRAVERSALS)
    with whole_file(saved / CARD) as temporary:
        temporary.write_text(model_card(model, repo or saved.name, view, picture=picture), encoding="utf-8", newline="\n")
    return saved


def push_to_hub(
    run: str | Path | Model, repo: str, *, private: bool = False, token: str | None = None, data: object = None
) -> str:
    """Upload what `save_pretrained` writes; gives the address of the commit.

    Args:
        run: a run folder, or a model.
        repo: `user/name`, made where it is not there.
        private: whether a new one is hidden from others.
        token: of the account; by default the one that `hf auth login` keeps.
        data: of the run, where they were given in Python.

    Raises `UsageError` for a name that cannot be and where huggingface_hub is not installed, `DataUnavailable` for what the
    server refuses.
    """
    api = _api(token)
    with tempfile.TemporaryDirectory() as scratch, _server(repo):
        folder = save_pretrained(run, Path(scratch) / "model", repo=repo, data=data)
        api.create_repo(repo, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repo, folder_path=folder, commit_message=f"Model of unbraid {version('unbraid')}")
    return str(commit.commit_url)


def from_pretrained(
    where: str | Path, *, revision: str | None = None, token: str | None = None, device: str = "auto", trust: bool = False
) -> Model:
    """A model from the Hub, or from a folder that `save_pretrained` or `Model.save` wrote.

    Weights and configuration are read as data and checked; nothing of what is downloaded is run.

    Args:
        where: `user/name`, or a folder.
        revision: branch, tag or commit; by default the newest.
        token: of an account that may read it.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        trust: as `unbraid.load` takes it.

    Raises `DataUnavailable` where it cannot be got, and as `unbraid.load` does.

    >>> folder = save_pretrained("runs/first", "downloaded")
    >>> from_pretrained(folder, device="cpu").latent_dim
    3
    """
    if Path(where).is_dir():
        return load(where, device, trust=trust)
    if Path(where).is_file():
        raise UsageError(f"{where} is a file; give the folder of a model, or USER/NAME on the Hub.")
    repo = str(where)
    api = _api(token)
    with _server(repo):
        folder = api.snapshot_download(repo, revision=revision, allow_patterns=list(FILES))
    missing = [name for name in FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise DataUnavailable(f"{repo} has no {' and no '.join(missing)}: it is not a model of unbraid.")
    return load(folder, device, trust=trust)


def _opened(run: str | Path | Model, data: object) -> tuple[Model, RunView | None]:
    """A model, and its run where that was scored at the model's step."""
    if not isinstance(run, Model):
        view = view_of(run, data=data)
        return view.model, view if view.is_scored else None
    return run, None


def _api(token: str | None) -> HfApi:
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise UsageError("huggingface_hub is not installed: pip install 'unbraid[hub]'.") from None
    return HfApi(token=token, library_name="unbraid", library_version=version("unbraid"))


@contextmanager
def _server(repo: str) -> Iterator[None]:
    """Turn what the server and the library refuse into errors with the way out."""
    from huggingface_hub.errors import HFValidationError

    try:
        yield
    except UnbraidError:
        raise
    except HFValidationError as error:
        raise UsageError(f"{repo!r} is no name of a model on the Hub; give USER/NAME. {error}") from None
    except Exception as error:
        if not (isinstance(error, (OSError, ValueError)) or type(error).__module__.startswith("httpx")):
            raise
        told = " ".join(str(error).split())[:300]
        raise DataUnavailable(
            f"The Hub did not serve {repo}: {told} Look at the name and the network, log in for private ones: hf auth login."
        ) from error

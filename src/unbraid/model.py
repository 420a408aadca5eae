"""A trained model as its users meet it: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

import numpy as np
import torch

from unbraid.codes import CodeTable
from unbraid.config.experiment import Experiment
from unbraid.data.dataset import Dataset, addressed, load_dataset
from unbraid.data.own_data import TABLE_OPTIONS
from unbraid.data.registry import datasets
from unbraid.data.sets.arrays import as_dataset
from unbraid.distributions.protocols import Posterior, Prior
from unbraid.errors import UsageError
from unbraid.evaluation.encoding import BATCH
from unbraid.evaluation.evaluate import evaluate_model
from unbraid.files import whole_file, write_json
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.training.checkpoint import WEIGHTS, pack

Array = TypeVar("Array", np.ndarray, torch.Tensor)
Rng = int | np.random.Generator | torch.Generator


@dataclass(frozen=True)
class Encoding(Generic[Array]):
    """q(z|x) of a batch of images, in the kind of array that was given to `Model.encode`."""

    _posterior: Posterior
    _prior: Prior
    _give: Callable[[torch.Tensor], Array]

    @property
    def mean(self) -> Array:
        """Posterior means, one row an image."""
        return self._give(self._posterior.mean)

    @property
    def variance(self) -> Array:
        """Marginal posterior variances, one row an image."""
        return self._give(self._posterior.variance)

    @property
    def kl(self) -> Array:
        """KL(q(z_j|x) || p(z_j)) in nats, one row an image; one column where the posterior has no KL per latent."""
        per_dim = self._posterior.kl_per_dim(self._prior)
        return self._give(self._posterior.kl(self._prior)[:, None] if per_dim is None else per_dim)

    def sample(self, rng: Rng = 0) -> Array:
        """One draw for each image, from a seed or a generator."""
        return self._give(self._posterior.sample(_generator(rng, self._posterior.mean.device)))


class Model:
    """A trained model.

    Images are (n, channel, height, width) or, with one channel, (n, height, width): uint8 from 0 to 255, bool, or floats from
    0 to 1. NumPy arrays give NumPy arrays, tensors give tensors on their own device. Nothing here needs gradients or tracks
    them, and batches of any size are cut to pieces that fit.
    """

    def __init__(
        self, vae: VAE, experiment: Experiment, *, step: int = 0, folder: Path | None = None, data: Dataset | None = None
    ) -> None:
        self.vae = vae.eval()
        self.experiment = experiment
        self.step = step
        self.folder = folder
        self._data = data

    def __repr__(self) -> str:
        e = self.experiment
        return f"<unbraid {e.model} of {e.data}, {e.latent_dim} latents, step {self.step}>"

    @property
    def image_shape(self) -> Shape:
        """Channels, height and width of the images it was trained on."""
        return self.experiment.image_shape

    @property
    def latent_dim(self) -> int:
        """Number of latents."""
        return self.experiment.latent_dim

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.vae.parameters()).device

    @overload
    def encode(self, images: Array, *, distribution: Literal[False] = False) -> Array: ...
    @overload
    def encode(self, images: Array, *, distribution: Literal[True]) -> Encoding[Array]: ...
    def encode(self, images: Any, *, distribution: bool = False) -> Any:
        """Posterior means (n, latent_dim), or with `distribution` the whole posterior: `.mean .variance .sample() .kl`.

        Raises `UsageError` for images of another shape, values out of range, NaN or no image at all.
        """
        batch = self._images(images)
        with torch.no_grad():
            parts = [self.vae.encode(self._floats(piece).to(self.device)) for piece in _pieces(batch)]
        posterior = parts[0].cat(parts)
        return Encoding(posterior, self.vae.prior, _giver(images)) if distribution else _giver(images)(posterior.mean)

    def decode(self, codes: Array) -> Array:
        """Images (n, channel, height, width) in [0, 1] of codes (n, latent_dim), or of one code (latent_dim,)."""
        z = self._codes(codes)
        with torch.no_grad():
            parts = [self.vae.likelihood.mean(self.vae.decode(piece.to(self.device))).to(z.device) for piece in _pieces(z)]
        return _giver(codes)(torch.cat(parts).contiguous())

    @property
    def codebooks(self) -> np.ndarray | None:
        """The values that each latent can take, in ascending order, one row a latent; None where it can take any value."""
        quantizer = self.vae.quantizer
        return None if quantizer is None else np.sort(quantizer.codebooks.cpu().numpy(), axis=1)

    def nearest_codes(self, codes: Array) -> Array:
        """The nearest codes (n, latent_dim) that an image can have: the same, or of quantized latents values of codebooks."""
        z, quantizer = self._codes(codes), self.vae.quantizer
        return _giver(codes)(z if quantizer is None else quantizer.nearest(z.to(self.device)))

    def reconstruct(self, images: Array) -> Array:
        """Images decoded from the posterior means of images."""
        return self.decode(self.encode(images))

    def sample(self, n: int, rng: Rng = 0) -> np.ndarray:
        """n images decoded from draws from the model's prior."""
        if n < 1 or n != int(n):
            raise UsageError(f"n is {n}; allowed: a whole number, at least 1.")
        z = self.vae.prior.sample(int(n), _generator(rng, self.device))
        return self.decode(z.cpu().numpy())

    def traverse(
        self,
        image: np.ndarray | torch.Tensor | None = None,
        dims: int | Sequence[int] | None = None,
        span: tuple[float, float] | None = None,
        n: int = 11,
    ) -> np.ndarray:
        """Images (dims, n, channel, height, width) in which one latent runs over a span and the others stay.

        Quantized latents take the nearest values of their codebooks throughout.

        Args:
            image: where the other latents stay: at this image's posterior mean, or at 0, the middle of the prior.
            dims: which latents; all by default.
            span: first and last value of the latent; by default -2 and 2, or the ends of a quantized latent's codebook.
            n: number of values.
        """
        chosen = list(range(self.latent_dim)) if dims is None else [dims] if isinstance(dims, int) else list(dims)
        bad = [d for d in chosen if not 0 <= d < self.latent_dim]
        if bad or not chosen:
            raise UsageError(f"dims is {chosen}; allowed: latents from 0 to {self.latent_dim - 1}.")
        if n < 1 or (span is not None and (np.shape(span) != (2,) or not np.isfinite(span).all())):
            raise UsageError(f"span is {span} with n = {n}; give two finite numbers and at least one value.")
        base = np.zeros(self.latent_dim, np.float32)
        if image is not None:
            base = self.encode(_tensor(image, "The image").cpu().numpy()[None])[0]
        codes = np.tile(base, (len(chosen), n, 1))
        for row, dim in enumerate(chosen):
            codes[row, :, dim] = np.linspace(*(self._ends(dim) if span is None else span), n)
        flat = self.nearest_codes(codes.reshape(-1, self.latent_dim))
        return self.decode(flat).reshape(len(chosen), n, *self.image_shape)

    def _ends(self, dim: int) -> tuple[float, float]:
        """Between which values a latent is moved unless told otherwise."""
        books = self.codebooks
        return (-2.0, 2.0) if books is None else (float(books[dim, 0]), float(books[dim, -1]))

    def evaluate(
        self,
        data: Any = None,
        metrics: str | Sequence[str] | None = None,
        *,
        limit: int | None = None,
        intervals: int = 0,
    ) -> dict[str, Any]:
        """Losses over both splits, KL per latent and metrics; by default on the data set of its training.

        Args:
            data: any data set of images of the same shape, as `unbraid.train` takes it. One that differs from that of its
                training in the path alone ("folder:PATH") is read with the same options, but for the table.
            metrics: "core" (by default), "all" (also those that train many models), or names.
            limit: evaluate on a fixed pseudo-random part of this many images.
            intervals: halves of the images that 95 % intervals of metrics are made from, 0 for none; see
                `unbraid.metrics.evaluate`.
        """
        return self.evaluate_with_codes(data, metrics, limit=limit, intervals=intervals)[1]

    def evaluate_with_codes(
        self,
        data: Any = None,
        metrics: str | Sequence[str] | None = None,
        *,
        limit: int | None = None,
        intervals: int = 0,
        progress: Any = None,
    ) -> tuple[CodeTable, dict[str, Any]]:
        """What `evaluate` returns, with the code table it was computed from."""
        e = self.experiment
        if data is None or data is self._data:
            dataset = self._data or e.load_data()
        elif isinstance(data, str):
            dataset = self._elsewhere(data)
        else:
            dataset = as_dataset(data)
        if dataset.shape != self.image_shape:
            raise UsageError(f"{dataset.name!r} has images of shape {dataset.shape}; this model takes {self.image_shape}.")
        return evaluate_model(
            self.vae,
            e.recipe().objective,
            dataset,
            seed=e.seed,
            step=self.step,
            n_steps=e.steps,
            batch_size=e.batch_size,
            device=self.device,
            limit=limit,
            metrics=metrics,
            intervals=intervals,
            untrained=e.build().placed(self.device),
            progress=progress,
        )

    def _elsewhere(self, data: str) -> Dataset:
        name, place = addressed(data, {})
        if name == self.experiment.data:
            paths = datasets[name].details.get("paths", ())
            if all(self.experiment.data_options[option] == where for option, where in place.items()):
                return self._data or self.experiment.load_data()
            kept = {option: value for option, value in self.experiment.data_options.items() if option not in paths}
            place = {option: value for option, value in kept.items() if option not in TABLE_OPTIONS} | place
        return load_dataset(name, **place)

    def save(self, folder: str | Path) -> Path:
        """Write `config.json` and `model.safetensors` to a folder, which `unbraid.load` reads.

        Raises `UsageError` where the folder holds anything already.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} exists and is not empty; nothing is overwritten, give another folder.")
        raw = pack(self.vae.state_dict())
        with whole_file(folder / WEIGHTS) as temporary:
            temporary.write_bytes(raw)
        known = {"step": self.step, "sha256": sha256(raw).hexdigest()}
        write_json(folder / "config.json", {**self.experiment.portable().to_dict(), **known})
        return folder

    def _codes(self, codes: Any) -> torch.Tensor:
        """Codes as a tensor (n, latent_dim) of floats, checked."""
        z = _tensor(codes, "Codes")
        z = z[None] if z.ndim == 1 else z
        z = z.float()
        if z.ndim != 2 or z.shape[1] != self.latent_dim or len(z) == 0:
            raise UsageError(f"Codes have shape {tuple(z.shape)}; this model decodes (n, {self.latent_dim}).")
        if not torch.isfinite(z).all():
            raise UsageError("Codes hold NaN or infinite values; they must be finite.")
        return z

    def _images(self, images: Any) -> torch.Tensor:
        """Images as a tensor (n, channel, height, width) of their own kind of number, checked but for their values."""
        x = _tensor(images, "Images")
        given = tuple(x.shape)
        channels, height, width = self.image_shape
        if x.ndim == 3:
            x = x[:, None] if channels == 1 else x[None]
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape or len(x) == 0:
            raise UsageError(
                f"Images have shape {given}; this model takes (n, {channels}, {height}, {width})"
                + (f" or (n, {height}, {width})" if channels == 1 else "")
                + ". Channels come first."
            )
        if x.dtype not in (torch.uint8, torch.bool) and not x.dtype.is_floating_point:
            raise UsageError(f"Images are {x.dtype}; give uint8 from 0 to 255, bool, or floats from 0 to 1.")
        if x.dtype.is_floating_point:
            low, high = float(x.min()), float(x.max())
            if not (np.isfinite(low) and np.isfinite(high)) or low < -1e-6 or high > 1 + 1e-6:
                raise UsageError(f"Float images range from {low:g} to {high:g}; they must be finite and lie in [0, 1].")
        return x

    def _floats(self, x: torch.Tensor) -> torch.Tensor:
        return x.float() / 255 if x.dtype == torch.uint8 else x.float().clamp(0, 1)


def _tensor(given: Any, what: str) -> torch.Tensor:
    """An array, tensor or list as a tensor without history; shares memory where it can.

    Raises `UsageError` for anything that is no array of real numbers.
    """
    if isinstance(given, torch.Tensor):
        tensor = given.detach()
    else:
        array = np.asarray(given)
        if array.dtype.kind not in "buif":
            raise UsageError(f"{what} are an array of {array.dtype}; give real numbers.")
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        elif not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        elif not array.flags.writeable:
            array = array.copy()
        tensor = torch.from_numpy(np.ascontiguousarray(array))
    if tensor.is_complex():
        raise UsageError(f"{what} are complex; give real numbers.")
    return tensor


def _pieces(x: torch.Tensor) -> Iterator[torch.Tensor]:
    return (x[start : start + BATCH] for start in range(0, len(x), BATCH))


def _giver(like: Any) -> Callable[[torch.Tensor], Any]:
    if isinstance(like, torch.Tensor):
        device = like.device
        return lambda tensor: tensor.to(device)
    return lambda tensor: tensor.cpu().numpy()


def _generator(rng: Rng, device: torch.device) -> torch.Generator:
    if isinstance(rng, torch.Generator):
        if rng.device.type != device.type:
            raise UsageError(f"The generator is on {rng.device} and the model on {device}; give one on the model's device.")
        return rng
    seed = int(rng.integers(2**62)) if isinstance(rng, np.random.Generator) else int(rng)
    return torch.Generator(device=device).manual_seed(seed)

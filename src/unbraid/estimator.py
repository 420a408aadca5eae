"""Models as scikit-learn has them: in a pipeline, a grid search, a pickle."""

# mypy: disable-error-code="no-untyped-call"
# what is inherited from scikit-learn has no types

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from unbraid.api import load, train
from unbraid.data.sets.arrays import of_arrays
from unbraid.errors import UsageError
from unbraid.metrics.single import require_metric, score_by
from unbraid.model import Model

Floats = NDArray[Any]
_OF_TABLES = {"encoder": "mlp", "decoder": "mlp", "likelihood": "gaussian"}
"""Networks and likelihood for rows of a table, unless others are asked for."""


class DisentangledVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A model of images, or of rows of a table, as a transformer of scikit-learn.

        pipeline = make_pipeline(DisentangledVAE("beta_tcvae", latent_dim=6, beta=4, steps=2000), LogisticRegression())
        search = GridSearchCV(DisentangledVAE(steps=1000), {"beta": [1, 4, 16]})

    `X` holds images (n, height, width) or (n, channel, height, width), in the numbers that `unbraid.dataset` takes; rows
    (n, height * width) with `image_shape`; or else rows of any quantities (n, features). The latter are scaled to [0, 1] by the
    smallest and largest value of each, and what lies outside later is cut off; they are modeled by perceptrons and a normal
    likelihood unless other `encoder`, `decoder` and `likelihood` are given. Nothing is held out: that is the part of
    `train_test_split` and of searches. Nothing is written, and a pickle holds the weights and the configuration as data, never
    code of the model.

    Args:
        model: a registered name, see `unbraid list models`.
        latent_dim: number of latents; by default the model's.
        steps, lr: of training; by default the model's.
        batch_size: rows per step; all of them where there are fewer.
        image_shape: (height, width) or (channel, height, width) of images whose pixels are given in rows.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        random_state: seed, a generator to draw it from, or None for another one at each call of `fit`.
        options: any other option of `unbraid.train`; they are parameters like the others.

    Attributes:
        model_: the trained `unbraid.Model`.
        scaler_: of the rows of a table; None for images.
        n_features_in_, feature_names_in_: of what `fit` was given.

    `fit` raises `UsageError` (a `ValueError`) for what `unbraid.train` refuses.

    >>> images = np.random.default_rng(0).random((64, 8, 8))
    >>> vae = DisentangledVAE("vae", latent_dim=3, steps=2, encoder="mlp", decoder="mlp", random_state=0)
    >>> vae.fit_transform(images).shape
    (64, 3)
    """

    def __init__(
        self,
        model: str = "beta_vae",
        *,
        latent_dim: int | None = None,
        steps: int | None = None,
        batch_size: int = 64,
        lr: float | None = None,
        image_shape: tuple[int, ...] | None = None,
        device: str = "auto",
        random_state: Any = None,
        **options: Any,
    ) -> None:
        self.model = model
        self.latent_dim = latent_dim
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr
        self.image_shape = image_shape
        self.device = device
        self.random_state = random_state
        for name, value in options.items():
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, options of the model among them."""
        return {**super().get_params(deep=deep), **self._options()}

    def set_params(self, **params: Any) -> DisentangledVAE:
        """Set parameters; options need not have been set before. What is no option is refused by `fit`."""
        own = {name: value for name, value in params.items() if name in self._get_param_names() or "__" in name}
        super().set_params(**own)
        for name in params.keys() - own.keys():
            setattr(self, name, params[name])
        return self

    def fit(self, X: ArrayLike, y: Any = None) -> DisentangledVAE:
        """Train on all of X; y is not used."""
        rows = self._checked(X, first=True)
        tabular = rows.ndim == 2 and self.image_shape is None
        self.scaler_ = MinMaxScaler(clip=True).fit(rows) if tabular else None
        asked = {"latent_dim": self.latent_dim, "steps": self.steps, "lr": self.lr}
        options = {name: value for name, value in asked.items() if value is not None}
        data = of_arrays(self._images(rows), test_share=0.0, scale="1" if tabular else "auto")
        with tempfile.TemporaryDirectory() as folder:
            trained = train(
                self.model,
                data,
                out=Path(folder) / "run",
                device=self.device,
                progress=False,
                **{**(_OF_TABLES if tabular else {}), **options, **self._options()},
                batch_size=min(self.batch_size, len(rows)),
                seed=_seed(self.random_state),
            )
        self.model_ = Model(trained.vae, trained.experiment, step=trained.step)
        self._n_features_out = self.model_.latent_dim
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Posterior means (n, latent_dim)."""
        check_is_fitted(self)
        rows = self._checked(X)
        kind = rows.dtype if rows.dtype in (np.float32, np.float64) else np.dtype(np.float64)
        codes: Floats = self.model_.encode(self._images(rows)).astype(kind)
        return codes

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """What the decoder makes of codes (n, latent_dim), in the form that `fit` was given.

        Images are floats from 0 (black) to 1 (white), rows of a table in the numbers of the table.
        """
        check_is_fitted(self)
        return self._given_form(self.model_.decode(np.asarray(X, np.float32)))

    def _given_form(self, images: NDArray[Any]) -> Floats:
        if self.scaler_ is not None:
            rows: Floats = self.scaler_.inverse_transform(images.reshape(len(images), -1).astype(np.float64))
            return rows
        flat: Floats = images.reshape(len(images), *self._given_shape)
        return flat

    def sample(self, n_samples: int = 1, random_state: Any = 0) -> Floats:
        """Decoded draws from the prior, in the form of `inverse_transform`."""
        check_is_fitted(self)
        return self._given_form(self.model_.sample(n_samples, rng=_seed(random_state)))

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean evidence lower bound in nats per row, which a search makes as large as it can.

        At one draw from each posterior, of the density of values scaled to [0, 1]: it compares models of the same data. A
        search over `beta` by it picks the best density, which is rarely the most disentangled model.
        """
        check_is_fitted(self)
        return float(np.mean(self.model_.elbo(self._images(self._checked(X)))))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.non_deterministic = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                saved = self.model_.save(Path(folder) / "model")
                state = {**state, "model_": {path.name: path.read_bytes() for path in sorted(saved.iterdir())}}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(files := state.get("model_"), dict):
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    (Path(folder) / name).write_bytes(content)
                read = load(folder, "auto" if state["device"] == "auto" else "cpu")
            state = {**state, "model_": Model(read.vae, read.experiment, step=read.step)}
        super().__setstate__(state)

    def _options(self) -> dict[str, Any]:
        """Options beyond the parameters that are always there."""
        own = {*self._get_param_names(), "n_features_in_", "feature_names_in_"}
        return {
            name: value
            for name, value in vars(self).items()
            if name not in own and not name.startswith("_") and name[-1] != "_"
        }

    def _checked(self, X: ArrayLike, *, first: bool = False) -> NDArray[Any]:
        given = validate_data(self, X, reset=first, allow_nd=True, ensure_min_samples=2 if first else 1)
        rows: NDArray[Any] = np.asarray(given)
        if first:
            self._given_shape = rows.shape[1:]
            self._require_image_shape(rows.shape[1:])
        return rows

    def _require_image_shape(self, given: tuple[int, ...]) -> None:
        """Raise `UsageError` for an `image_shape` that rows do not have."""
        shape: Any = self.image_shape
        if shape is None:
            return
        sizes = shape if isinstance(shape, (tuple, list)) else ()
        if len(sizes) not in (2, 3) or not all(isinstance(one, (int, np.integer)) and one > 0 for one in sizes):
            raise UsageError(f"image_shape is {shape!r}; allowed: (height, width) or (channel, height, width).")
        if math.prod(sizes) != math.prod(given):
            raise UsageError(
                f"image_shape {tuple(sizes)} has {math.prod(sizes):,} values, and a row of X {math.prod(given):,}; give the "
                "shape of one image."
            )

    def _images(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Images (n, channel, height, width) or (n, height, width)."""
        if self.scaler_ is not None:
            scaled: NDArray[Any] = self.scaler_.transform(rows).astype(np.float32)
            return scaled.reshape(len(rows), 1, 1, -1)
        return rows if self.image_shape is None else rows.reshape(len(rows), *self.image_shape)


@dataclass(frozen=True)
class MetricScorer:
    """A metric of disentanglement as `scoring` of scikit-learn: the codes of X against the factors in y.

        GridSearchCV(DisentangledVAE(), {"beta": [1, 4, 16]}, scoring=MetricScorer("mig"), cv=3).fit(images, factors)

    For any estimator or pipeline that ends in a transformer: the estimator may be yours, or scikit-learn's `PCA`.

    Args:
        metric: a registered name, see `unbraid list metrics`, or a part of one: "dci.completeness".
        options: of the metric: {"definition": "locatello2019"}.

    Raises `UnknownName` for a metric that does not exist. Called with factors that no score can be computed from, it raises
    `UsageError`; a search reports these as failed fits.

    >>> from sklearn.decomposition import PCA
    >>> factors = np.indices((4, 4)).reshape(2, -1).T.repeat(25, axis=0)  # every combination of two factors
    >>> rows = factors * [5.0, 1.0] + 0.01 * np.random.default_rng(0).normal(size=factors.shape)
    >>> round(MetricScorer("mig")(PCA().fit(rows), rows, factors), 2)  # the components are the factors
    1.0
    """

    metric: str = "mig"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_metric(self.metric)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """The score of one estimator; y holds whole numbers (n, factors), or (n,) for a single factor."""
        if y is None:
            raise UsageError("There is no y, and a score compares codes with factors; give y, whole numbers (n, factors).")
        codes = estimator.transform(X)
        dense = codes.toarray() if hasattr(codes, "toarray") else codes  # as of transformers that give sparse codes
        return score_by(self.metric, np.asarray(dense), np.asarray(y), self.options)


def _seed(random_state: Any) -> int:
    """A seed; for None a new one, which leaves NumPy's global generator alone."""
    source = np.random.SeedSequence().generate_state(1)[0] if random_state is None else random_state
    return int(check_random_state(source).randint(2**31))

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from unbraid.codes import CodeTable
from unbraid.errors import CorruptFile, UsageError
from unbraid.evaluation.encoding import choose_images
from unbraid.evaluation.scores import active_latents, follows, information_shares, losses, samples_of


def table(n: int = 60, kl=(0.1, 2.0, 0.0, 1.0)) -> CodeTable:
    rng = np.random.default_rng(0)
    factors = np.stack([np.arange(n) % 3, np.arange(n) // 3 % 4], 1)
    mean = rng.normal(size=(n, 4)).astype(np.float32)
    mean[:, 1], mean[:, 3], mean[:, 2] = factors[:, 0], factors[:, 1], 0
    return CodeTable(
        mean=mean,
        variance=np.tile(np.array([9.0, 0.01, 1.0, 0.01], np.float32), (n, 1)),
        index=np.arange(n),
        is_test=np.arange(n) % 5 == 0,
        nll_mean=np.arange(n, dtype=np.float32),
        nll_sample=np.arange(n, dtype=np.float32) + 1,
        kl=np.array(kl, np.float32),
        factors=factors,
        factor_names=("shape", "size"),
        factor_sizes=(3, 4),
        labels=np.zeros(0, np.int16),
    )


def test_latents_are_ordered_by_kl_or_else_by_the_variance_of_their_means():
    assert table().order().tolist() == [1, 3, 0, 2]
    by_variance = np.argsort(-table().mean.var(0)).tolist()
    assert by_variance != [1, 3, 0, 2]
    for kl in ((), (np.inf, 2.0, 0.0, 1.0), (0.1, np.nan, 0.0, 1.0)):
        assert table(kl=kl).order().tolist() == by_variance


def test_active_latents_and_what_they_follow():
    assert active_latents(table()).tolist() == [True, True, False, True]
    shares = information_shares(samples_of(table()))
    assert shares[1, 0] == pytest.approx(1, abs=1e-4)  # by quadrature
    assert shares[3, 1] == pytest.approx(1, abs=1e-4)
    assert shares[2].tolist() == pytest.approx([0, 0], abs=1e-4)
    assert follows(shares, ("shape", "size"))[1:] == ["shape", "", "size"]


def test_losses_are_means_over_each_split():
    found = losses(table())
    assert found["test"] == {"images": 12, "nll": pytest.approx(28.5), "nll_at_mean": pytest.approx(27.5)}
    assert found["train"]["images"] == 48
    assert found["train"]["nll_at_mean"] == pytest.approx((sum(range(60)) - 12 * 27.5) / 48)


def test_save_and_load(tmp_path):
    saved = table()
    saved.save(tmp_path / "codes.npz")
    loaded = CodeTable.load(str(tmp_path / "codes.npz"))
    for field in fields(CodeTable):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(saved, field.name))
    with pytest.raises(UsageError, match="unbraid evaluate"):
        CodeTable.load(tmp_path / "none.npz")
    raw = (tmp_path / "codes.npz").read_bytes()
    pickled = np.array([{"a": 1}], dtype=object)
    for content in (raw[:200], b"", b"PK\x03\x04"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(CorruptFile, match=r"bad\.npz is not a code table"):
            CodeTable.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "evil.npz", mean=pickled)
    with pytest.raises(CorruptFile, match="not a code table"):
        CodeTable.load(tmp_path / "evil.npz")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"factor_names": ("shape",)}, "2 factor columns but 1 names"),
        ({"factor_sizes": (3,)}, "2 factor columns"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, says):
    with pytest.raises(UsageError, match=says):
        replace(table(), **change)


def test_a_part_of_the_images_is_the_same_part_every_time():
    from helpers.tiny import tiny_ellipses

    data = tiny_ellipses()
    chosen = choose_images(data, 100)
    assert len(set(chosen.tolist())) == 100
    np.testing.assert_array_equal(chosen, choose_images(data, 100))
    np.testing.assert_array_equal(choose_images(data, None), np.arange(240))
    np.testing.assert_array_equal(choose_images(data, 1000), np.arange(240))
    assert 5 < data.is_test[chosen].sum() < 40
    with pytest.raises(UsageError, match="at least 2"):
        choose_images(data, 1)


def test_a_table_with_continuous_factors_is_read_back_and_scores_the_others(tmp_path):
    rng = np.random.default_rng(0)
    n = 200
    kind, x = rng.integers(0, 3, n), rng.uniform(-1, 1, n)
    mean = np.stack([kind + 0.1 * rng.normal(size=n), x], 1).astype(np.float32)
    table = CodeTable(
        mean=mean,
        variance=np.full_like(mean, 0.01),
        index=np.arange(n),
        is_test=np.zeros(n, bool),
        nll_mean=np.zeros(n, np.float32),
        nll_sample=np.zeros(n, np.float32),
        kl=np.ones(2, np.float32),
        factors=np.stack([x, kind], 1),
        factor_names=("x", "kind"),
        factor_sizes=(0, 3),
        labels=np.zeros(0, np.int16),
    )
    table.save(tmp_path / "codes.npz")
    read = CodeTable.load(tmp_path / "codes.npz")
    assert np.array_equal(read.factors, table.factors)
    assert (read.continuous, read.scored_names, read.has_factors) == (("x",), ("kind",), True)
    places, count = read.places("x")
    assert count == 16
    assert np.array_equal(places, np.minimum((x - x.min()) / (x.max() - x.min()) * 16, 15).astype(int))
    assert read.places("kind")[0].tolist() == kind.tolist()

    for name, factors in (("floats", np.stack([x, kind + 0.5], 1)), ("nan", np.stack([np.where(x > 0, np.nan, x), kind], 1))):
        replace(table, factors=factors).save(tmp_path / f"{name}.npz")
        with pytest.raises(CorruptFile, match=r"no whole numbers|not finite"):
            CodeTable.load(tmp_path / f"{name}.npz")

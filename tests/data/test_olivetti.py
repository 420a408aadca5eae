"""The Olivetti faces: read from both kinds of files, verified, held out by person. Drawn images stand in for the faces."""

import hashlib

import numpy as np
import pytest
from scipy.io import savemat

from unbraid.data.dataset import load_dataset
from unbraid.data.sets import olivetti as module
from unbraid.errors import CorruptFile, DataUnavailable


@pytest.fixture
def faces(monkeypatch, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, size=(400, 64, 64), dtype=np.uint8)
    monkeypatch.setattr(module, "PIXELS", hashlib.sha256(images.tobytes()).hexdigest())
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path))
    (tmp_path / "olivetti").mkdir()
    return images


def as_mat(path, images):
    """As the published file has them: an image per column, its own columns one after the other."""
    savemat(path, {"faces": np.stack([image.ravel(order="F") for image in images], axis=1)})
    return path


def test_images_are_upright_from_either_kind_of_file(faces, tmp_path):
    np.savez(tmp_path / "given.npz", images=faces)
    mat = as_mat(tmp_path / "given.mat", faces)
    for file in (tmp_path / "given.npz", mat):
        data = load_dataset("olivetti", file=str(file))
        np.testing.assert_array_equal(data.images.bytes(np.arange(400))[:, 0], faces)
        assert data.labels[:11].tolist() == [0] * 10 + [1]


def test_the_tenth_face_of_each_person_is_held_out_and_never_mirrored(faces, tmp_path):
    as_mat(tmp_path / "olivetti" / "olivettifaces.mat", faces)
    data = load_dataset("olivetti", horizontal_flip=True)
    assert data.test.tolist() == list(range(9, 400, 10))
    assert len(data) == 400 + 360
    assert sorted(set(data.labels[data.test])) == list(range(40))
    np.testing.assert_array_equal(data.images.bytes(np.array([400]))[0, 0], faces[0][:, ::-1])


def test_other_images_are_refused(faces, tmp_path):
    other = faces.copy()
    other[0, 0, 0] ^= 1
    np.savez(tmp_path / "other.npz", images=other)
    with pytest.raises(CorruptFile, match="SHA-256 of its pixels"):
        load_dataset("olivetti", file=str(tmp_path / "other.npz"))
    np.savez(tmp_path / "few.npz", images=faces[:3])
    with pytest.raises(CorruptFile, match=r"but uint8 \(3, 64, 64\)"):
        load_dataset("olivetti", file=str(tmp_path / "few.npz"))
    (tmp_path / "text.mat").write_text("nothing")
    with pytest.raises(CorruptFile, match="no MATLAB file"):
        load_dataset("olivetti", file=str(tmp_path / "text.mat"))


def test_without_internet_it_says_where_a_copy_may_lie(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ADDRESS", "http://127.0.0.1:9/")
    monkeypatch.setattr("unbraid.data.download.BACKOFF", 0.0)
    with pytest.raises(DataUnavailable, match=r"olivetti\.npz"):
        load_dataset("olivetti")

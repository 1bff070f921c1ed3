import numpy as np
import pytest
from scipy.sparse import coo_matrix, csc_array, csr_array, csr_matrix, save_npz

from labeltree.core.errors import DataError
from labeltree.readers import read

X = np.array([[1, 0, 0.5], [0, 0, 0]], np.float32)
Y = np.array([[0, 1, 0, 1], [0, 0, 0, 0]])


def put(folder, names, x=X, y=Y, kind=csr_array):
    for name, matrix in zip(names, (x, y), strict=True):
        save_npz(folder / name, kind(matrix))


@pytest.mark.parametrize(
    "names",
    [("train.X.npz", "train.Y.npz"), ("X.trn.npz", "Y.trn.npz"), ("x.train.npz", "y.train.npz")],
)
@pytest.mark.parametrize("kind", [csr_array, csc_array, csr_matrix, coo_matrix])
def test_pairs(tmp_path, names, kind):
    put(tmp_path, names, kind=kind)
    for path in (tmp_path, tmp_path / names[0]):
        splits = read(path)
        np.testing.assert_array_equal(splits.train.X.toarray(), X)
        np.testing.assert_array_equal(splits.train.Y.toarray(), Y)
        assert splits.labels.ids == ("0", "1", "2", "3")


def test_a_folder_as_pecos_has_it(tmp_path):
    put(tmp_path, ("X.trn.npz", "Y.trn.npz"))
    put(tmp_path, ("X.tst.npz", "Y.tst.npz"))
    assert list(read(tmp_path).parts) == ["train", "test"]


def test_values_of_y_are_ones(tmp_path):
    put(tmp_path, ("train.X.npz", "train.Y.npz"), y=Y * 0.3)
    np.testing.assert_array_equal(read(tmp_path).train.Y.toarray(), Y)


def test_label_numbers_have_ids(tmp_path):
    put(tmp_path, ("train.X.npz", "train.Y.npz"))
    (tmp_path / "label_ids.tsv").write_text("d\nc\nb\na\toutside\n")
    (tmp_path / "label_names.txt").write_text("Dog\nCat\nBee\nAnt\n")
    splits = read(tmp_path)
    assert splits.labels.ids == ("d", "c", "b")
    assert splits.labels.names == ("Dog", "Cat", "Bee")
    assert splits.train.labels.ids == ("d", "c", "b", "a")
    assert splits.train.labels.names == ("Dog", "Cat", "Bee", "Ant")
    assert splits.train.n_universe == 3
    (tmp_path / "label_ids.tsv").write_text("d\nc\n")
    with pytest.raises(DataError, match="There are 2 ids, but train.X.npz has label 3"):
        read(tmp_path)


def test_what_is_wrong_with_a_pair(tmp_path):
    put(tmp_path, ("train.X.npz", "other.npz"))
    with pytest.raises(DataError, match=r"There is no train.Y.npz beside it"):
        read(tmp_path / "train.X.npz")
    with pytest.raises(DataError, match="does not say that these are the features"):
        read(tmp_path / "other.npz")
    put(tmp_path, ("train.X.npz", "train.Y.npz"), y=Y[:1])
    with pytest.raises(DataError, match="train.Y.npz: Y has 1 rows, but X in train.X.npz has 2"):
        read(tmp_path)
    put(tmp_path, ("train.X.npz", "train.Y.npz"), x=X[:0], y=Y[:0])
    with pytest.raises(DataError, match="has no rows"):
        read(tmp_path)
    put(tmp_path, ("train.X.npz", "train.Y.npz"), y=-Y)
    with pytest.raises(DataError, match="train.Y.npz: Y holds negative values"):
        read(tmp_path)
    put(tmp_path, ("train.X.npz", "train.Y.npz"), x=X * np.nan)
    with pytest.raises(DataError, match="train.X.npz: X holds NaN or infinity"):
        read(tmp_path)


def test_damaged_files(tmp_path):
    put(tmp_path, ("train.X.npz", "train.Y.npz"))
    whole = (tmp_path / "train.X.npz").read_bytes()
    (tmp_path / "train.X.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"train.X.npz: .*damaged"):
        read(tmp_path)
    (tmp_path / "train.X.npz").write_bytes(b"")
    with pytest.raises(DataError, match=r"train.X.npz: "):
        read(tmp_path)
    np.savez(tmp_path / "train.X.npz", a=X)
    with pytest.raises(DataError, match="holds no sparse matrix"):
        read(tmp_path)
    np.savez(tmp_path / "train.X.npz", a=np.array([{}], object))
    with pytest.raises(DataError, match="holds no sparse matrix"):
        read(tmp_path)
    bad = csr_array(X)
    bad.indices[0] = 77
    save_npz(tmp_path / "train.X.npz", bad)
    with pytest.raises(DataError, match="train.X.npz"):
        read(tmp_path)

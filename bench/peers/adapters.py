"""One face for all systems of the speed bench; each is used as its documentation says.

An adapter trains on the files of a data folder, saves, loads, answers a matrix (`top` makes a table
of it, not counted), and answers one document. It runs in the environment of its system, so it needs
nothing else but numpy and scipy.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp

BEAM, TOP = 10, 5


def matrix(folder, name):
    return sp.load_npz(f"{folder}/{name}.npz").tocsr()


def padded(rankings):
    """Return (n, 5) labels, -1 after the last."""
    out = np.full((len(rankings), TOP), -1, np.int64)
    for i, ranking in enumerate(rankings):
        out[i, : min(TOP, len(ranking))] = ranking[:TOP]
    return out


def best_of(scores):
    """Return the labels (n, 5) of a sparse score matrix, best first, ties by number."""
    scores = scores.tocsr()
    rows = (slice(*scores.indptr[i : i + 2]) for i in range(scores.shape[0]))
    return padded(
        [scores.indices[r][np.lexsort((scores.indices[r], -scores.data[r]))] for r in rows]
    )


class Omikuji:
    """omikuji, Rust behind cffi; trains from text, answers document by document."""

    def prepare(self, folder, threads, settings):
        from omikuji import Model, _ThreadPoolHandle
        from omikuji._libomikuji import ffi, lib

        self.settings = Model.default_hyper_param()
        for name, value in settings.items():
            setattr(self.settings, name, value)
        self.pool = _ThreadPoolHandle(threads)
        file = ffi.new("char[]", f"{folder}/train.txt".encode())
        with contextlib.redirect_stderr(io.StringIO()):
            self.data = lib.load_omikuji_data_set(file, self.pool.ptr)

    def train(self):
        from omikuji import Model
        from omikuji._libomikuji import lib

        self.model = Model(lib.train_omikuji_model(self.data, self.settings, self.pool.ptr))

    def save(self, path):
        self.model.save(str(path))

    def load(self, path, threads, settings):
        from omikuji import Model

        self.model = Model.load(str(path))
        self.model.init_prediction_thread_pool(1)
        self.threads = threads

    def bind(self, X):
        self.n, self.ptr = X.shape[0], X.indptr
        self.indices, self.data = X.indices.astype(np.uint32), X.data
        rows = (slice(*X.indptr[i : i + 2]) for i in range(min(self.n, 2000)))
        self.pairs = [
            list(zip(X.indices[r].tolist(), X.data[r].tolist(), strict=True)) for r in rows
        ]

    def raw(self, i):
        """Answer through its C function, without Python lists: the least a caller can pay."""
        from omikuji._libomikuji import ffi, lib

        a, b = int(self.ptr[i]), int(self.ptr[i + 1])
        labels, scores = ffi.new("uint32_t[]", TOP), ffi.new("float[]", TOP)
        n = lib.omikuji_predict(
            self.model._model_ptr, BEAM, b - a,
            ffi.cast("uint32_t*", self.indices.ctypes.data + 4 * a),
            ffi.cast("float*", self.data.ctypes.data + 4 * a), TOP, labels, scores, ffi.NULL,
        )  # fmt: skip
        return [labels[r] for r in range(n)]

    def bulk(self):
        if self.threads == 1:
            return [self.raw(i) for i in range(self.n)]
        parts = np.array_split(np.arange(self.n), 8 * self.threads)
        with ThreadPoolExecutor(self.threads) as workers:
            found = workers.map(lambda part: [self.raw(i) for i in part], parts)
            return [ranking for part in found for ranking in part]

    def top(self, answer):
        return padded(answer)

    def one(self, i):
        return self.model.predict(self.pairs[i], beam_size=BEAM, top_k=TOP)

    kernel = raw


class Pecos:
    """XR-Linear of PECOS, C++ behind ctypes; PIFA and hierarchical k-means as in its examples."""

    def prepare(self, folder, threads, settings):
        self.X, self.Y = (matrix(folder, f"{m}_train").astype(np.float32) for m in "XY")
        self.threads, self.settings = threads, settings

    def train(self):
        from pecos.xmc import Indexer, LabelEmbeddingFactory
        from pecos.xmc.xlinear.model import XLinearModel

        Z = LabelEmbeddingFactory.create(self.Y, self.X, method="pifa", threads=self.threads)
        chain = Indexer.gen(
            Z, indexer_type="hierarchicalkmeans", nr_splits=self.settings["nr_splits"],
            max_leaf_size=100, threads=self.threads, seed=0,
        )  # fmt: skip
        self.model = XLinearModel.train(
            self.X, self.Y.tocsc(), C=chain, threshold=0.1, threads=self.threads
        )

    def save(self, path):
        self.model.save(str(path))

    def load(self, path, threads, settings):
        from pecos.xmc.xlinear.model import XLinearModel

        kind = {"weight_matrix_type": settings["layout"]} if "layout" in settings else {}
        self.model = XLinearModel.load(str(path), is_predict_only=True, **kind)
        self.threads = threads

    def bind(self, X):
        self.X = X.astype(np.float32)
        self.rows = [self.X[i] for i in range(min(X.shape[0], 2000))]

    def _scores(self, X, threads):
        return self.model.predict(X, beam_size=BEAM, only_topk=TOP, threads=threads)

    def bulk(self):
        return self._scores(self.X, self.threads)

    def top(self, answer):
        return best_of(answer)

    def one(self, i):
        return self._scores(self.rows[i], 1)


class NapkinXC:
    """napkinXC's PLT, C++ behind pybind11, with squared hinge loss."""

    def prepare(self, folder, threads, settings):
        self.X, Y = (matrix(folder, f"{m}_train") for m in "XY")
        self.Y = [Y.indices[slice(*Y.indptr[i : i + 2])].tolist() for i in range(Y.shape[0])]
        self.threads, self.settings, self.path = threads, settings, f"{folder}/napkinxc_speed"

    def train(self):
        from napkinxc.models import PLT

        shutil.rmtree(self.path, ignore_errors=True)
        PLT(self.path, threads=self.threads, seed=7, **self.settings).fit(self.X, self.Y)

    def save(self, path):
        shutil.move(self.path, path)  # it has written while it trained

    def load(self, path, threads, settings):
        from napkinxc.models import PLT

        search = {"tree_search_type": "beam", "beam_search_width": BEAM}
        self.model = PLT(str(path), threads=threads, **search)
        self.model.load()

    def bind(self, X):
        self.X = X
        self.rows = [X[i] for i in range(min(X.shape[0], 2000))]
        self.filled = X[np.diff(X.indptr) > 0]  # it fails on documents without features

    def bulk(self):
        return self.model.predict(self.filled, top_k=TOP)

    def top(self, answer):
        out = np.full((self.X.shape[0], TOP), -1, np.int64)
        out[np.diff(self.X.indptr) > 0] = padded(answer)
        return out

    def one(self, i):
        return self.model.predict(self.rows[i], top_k=TOP)


class LibMultiLabel:
    """The tree of LibMultiLabel: k-means of 100 and liblinear, as its `train_tree` does it."""

    def prepare(self, folder, threads, settings):
        self.X, self.Y = (matrix(folder, f"{m}_train").astype(np.float64) for m in "XY")
        self.options = f"-s 1 -B 1 -e 0.1 -q -m {threads}" if threads > 1 else "-s 1 -B 1 -e 0.1 -q"

    def train(self):
        from libmultilabel.linear import train_tree

        self.model = train_tree(self.Y, self.X, self.options, verbose=False)

    def save(self, path):
        import pickle

        path.mkdir()
        with open(path / "model.pickle", "wb") as out:
            pickle.dump(self.model, out)

    def load(self, path, threads, settings):
        import pickle

        with open(path / "model.pickle", "rb") as file:
            self.model = pickle.load(file)

    def bind(self, X):
        self.X = X.astype(np.float64)
        self.rows = [self.X[i] for i in range(min(X.shape[0], 2000))]

    def bulk(self):
        found = []
        for start in range(0, self.X.shape[0], 500):  # its answer is dense
            scores = self.model.predict_values(self.X[start : start + 500], beam_width=BEAM)
            part = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
            order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1, kind="stable")
            found.append(np.take_along_axis(part, order, 1))
        return np.concatenate(found)

    def top(self, answer):
        return answer

    def one(self, i):
        return self.model.predict_values(self.rows[i], beam_width=BEAM)


class Labeltree:
    """Ours, through the public call and through its kernel."""

    def prepare(self, folder, threads, settings):
        from labeltree.models import find

        self.X, self.Y = (sp.csr_array(matrix(folder, f"{m}_train")) for m in "XY")
        fields = {name: value for name, value in settings.items() if name != "model"}
        self.model = find(settings["model"])().set_params(n_jobs=threads, **fields)
        # The machine code of the peers is there when their package has been imported.
        type(self.model)().fit(np.eye(4), np.eye(4))

    def train(self):
        self.model.fit(self.X, self.Y)

    def save(self, path):
        self.model.save(path)

    def load(self, path, threads, settings):
        import labeltree

        self.model = labeltree.load(path).set_params(n_jobs=threads, beam=BEAM)

    def bind(self, X):
        from labeltree.core.arrays import for_kernel
        from labeltree.kernels.sparse import Rows

        self.X = sp.csr_array(X)
        self.rows = [self.X[[i]] for i in range(min(X.shape[0], 2000))]
        self.bare = [Rows(*for_kernel(row)) for row in self.rows]

    def bulk(self):
        return self.model.predict(self.X, TOP)

    def top(self, answer):
        return best_of(answer)

    def one(self, i):
        return self.model.predict(self.rows[i], TOP)

    def kernel(self, i):
        from labeltree.linear.tree import Search, best_of_block

        how = Search(TOP, BEAM)
        return best_of_block(self.model.trees_, self.bare[i], how, len(self.model.labels_))


SYSTEMS = {
    "omikuji": Omikuji,
    "pecos": Pecos,
    "napkinxc": NapkinXC,
    "libmultilabel": LibMultiLabel,
    "labeltree": Labeltree,
}

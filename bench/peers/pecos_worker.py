"""Train PECOS' XR-Linear and answer the test documents; runs in the peer's own environment.

pecos_worker.py FOLDER MODEL N_TREES SEED N_THREADS: FOLDER holds X_train, Y_train, X_test .npz;
writes top.npz. PIFA, 16-ary trees of leaves up to 100, weights up to 0.1 dropped, beam 20: PECOS'
own defaults. Several trees are averaged, as its ensembles are.
"""

import json
import resource
import sys
import time

import numpy as np
import scipy.sparse as sp
from pecos.xmc import Indexer, LabelEmbeddingFactory
from pecos.xmc.xlinear.model import XLinearModel

folder, n_trees, seed, n_threads = sys.argv[1], *map(int, sys.argv[3:6])
X, Y = (sp.load_npz(f"{folder}/{part}_train.npz").tocsr().astype(np.float32) for part in "XY")
X_test = sp.load_npz(f"{folder}/X_test.npz").tocsr().astype(np.float32)
began = time.perf_counter()
Z = LabelEmbeddingFactory.create(Y, X, method="pifa", threads=n_threads)
total = None
for tree in range(n_trees):
    C = Indexer.gen(
        Z, indexer_type="hierarchicalkmeans", nr_splits=16, max_leaf_size=100,
        threads=n_threads, seed=1000 * seed + tree,
    )  # fmt: skip
    model = XLinearModel.train(X, Y.tocsc(), C=C, threshold=0.1, threads=n_threads)
    P = model.predict(X_test, beam_size=20, only_topk=100 if n_trees > 1 else 5, threads=n_threads)
    total = P if total is None else total + P
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
total = total.tocsr()
labels = np.full((X_test.shape[0], 5), -1, np.int32)
scores = np.zeros((X_test.shape[0], 5))
for i in range(X_test.shape[0]):
    row = slice(total.indptr[i], total.indptr[i + 1])
    best = np.lexsort((total.indices[row], -total.data[row]))[:5]
    labels[i, : len(best)] = total.indices[row][best]
    scores[i, : len(best)] = total.data[row][best] / n_trees
np.savez(f"{folder}/top.npz", labels=labels, scores=scores)
print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak)}))

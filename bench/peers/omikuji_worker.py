"""Train omikuji and answer the test documents; runs in the peer's own environment.

omikuji_worker.py FOLDER MODEL N_TREES SEED N_THREADS: MODEL is parabel or bonsai; FOLDER holds
train.txt and X_test.npz; writes top.npz. omikuji takes no seed: every run is another one.
"""

import json
import resource
import sys
import time

import numpy as np
import omikuji
import scipy.sparse as sp

folder, kind, n_trees, _, n_threads = *sys.argv[1:3], *map(int, sys.argv[3:6])
settings = omikuji.Model.default_hyper_param()
settings.n_trees = n_trees
if kind == "bonsai":  # the README of omikuji gives these settings
    settings.cluster_balanced = False
    settings.cluster_k = 100
    settings.max_depth = 3
began = time.perf_counter()
model = omikuji.Model.train_on_data(f"{folder}/train.txt", settings, n_threads)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
X = sp.load_npz(f"{folder}/X_test.npz").tocsr()
labels = np.full((X.shape[0], 5), -1, np.int32)
scores = np.zeros((X.shape[0], 5))
for i in range(X.shape[0]):
    row = slice(X.indptr[i], X.indptr[i + 1])
    pairs = list(zip(X.indices[row].tolist(), X.data[row].tolist(), strict=True))
    found = model.predict(pairs, beam_size=10, top_k=5) if pairs else []
    for rank, (label, score) in enumerate(found):
        labels[i, rank], scores[i, rank] = label, score
np.savez(f"{folder}/top.npz", labels=labels, scores=scores)
print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak)}))

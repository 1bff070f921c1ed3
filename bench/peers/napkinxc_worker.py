"""Train napkinXC's PLT and answer the test documents; runs in the peer's own environment.

napkinxc_worker.py FOLDER MODEL N_TREES SEED N_THREADS: FOLDER holds X_train, Y_train, X_test .npz;
writes top.npz. All settings are napkinXC's defaults but the number of trees.
"""

import json
import resource
import shutil
import sys
import time

import numpy as np
import scipy.sparse as sp
from napkinxc.models import PLT

folder, n_trees, seed, n_threads = sys.argv[1], *map(int, sys.argv[3:6])
X, Y = (sp.load_npz(f"{folder}/{part}_train.npz").tocsr() for part in "XY")
X_test = sp.load_npz(f"{folder}/X_test.npz").tocsr()
out = f"{folder}/napkinxc"
shutil.rmtree(out, ignore_errors=True)
began = time.perf_counter()
model = PLT(out, ensemble=n_trees, seed=seed, threads=n_threads)
model.fit(X, [Y.indices[Y.indptr[i] : Y.indptr[i + 1]].tolist() for i in range(Y.shape[0])])
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
labels = np.full((X_test.shape[0], 5), -1, np.int32)
scores = np.zeros((X_test.shape[0], 5))
filled = np.flatnonzero(np.diff(X_test.indptr))
for i, found in zip(filled, model.predict_proba(X_test[filled], top_k=5), strict=True):
    for rank, (label, score) in enumerate(found):
        labels[i, rank], scores[i, rank] = label, score
np.savez(f"{folder}/top.npz", labels=labels, scores=scores)
print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak)}))

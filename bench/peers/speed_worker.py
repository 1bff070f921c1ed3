"""Measure one system in a process of its own; runs in the environment of that system.

speed_worker.py train|predict|first FOLDER MODEL SYSTEM THREADS SETTINGS
FOLDER holds X_train, Y_train, X_test .npz and train.txt, SETTINGS is JSON. `train` trains and saves
MODEL; `predict` loads it, answers all test documents, then one by one, and writes top.npy beside
the model; `first` answers one document, counted from the start of the process. Prints one JSON
object. Reading of data is not counted; one pass over what is measured goes before.
"""

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from adapters import SYSTEMS, matrix

PASSES, SINGLES, PATIENCE = 3, 1000, 10
"""Timed bulk passes after a first one (a single one where that took longer than PATIENCE seconds);
documents asked for one by one, and how long."""


def cpu():
    usage = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def peak_mb():
    """Return the peak of this program alone; `ru_maxrss` remembers the one that started it."""
    if sys.platform != "linux":
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def size_mb(path):
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return round(sum(f.stat().st_size for f in files) / 1e6, 2)


def train(system, folder, model, threads, settings):
    system.prepare(folder, threads, settings)
    before = peak_mb()
    wall, used = time.perf_counter(), cpu()
    system.train()
    wall, used = time.perf_counter() - wall, cpu() - used
    peak = peak_mb()
    if model.exists():
        shutil.rmtree(model) if model.is_dir() else model.unlink()
    system.save(model)
    return {
        "train_s": round(wall, 3), "train_cpu_s": round(used, 3), "peak_mb": peak,
        "before_mb": before, "model_mb": size_mb(model),
    }  # fmt: skip


def latency(answer, n):
    """Return median and 99th percentile in microseconds."""
    for i in range(min(30, n)):
        answer(i)
    seconds, end = [], time.perf_counter() + PATIENCE
    for i in range(n):
        began = time.perf_counter()
        answer(i)
        seconds.append(time.perf_counter() - began)
        if began > end and i >= 100:
            break
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e6
    return round(float(p50), 1), round(float(p99), 1)


def predict(system, folder, model, threads, settings):
    X = matrix(folder, "X_test")
    began = time.perf_counter()
    system.load(model, threads, settings)
    load_s = time.perf_counter() - began
    system.bind(X)
    seconds: list[float] = []
    while len(seconds) < (2 if seconds and seconds[0] > PATIENCE else PASSES + 1):
        began = time.perf_counter()
        answer = system.bulk()
        seconds.append(time.perf_counter() - began)
    np.save(str(model) + ".top.npy", system.top(answer))
    found = {"load_s": round(load_s, 3), "docs_per_s": round(X.shape[0] / np.median(seconds[1:]))}
    if threads == 1:
        n = min(X.shape[0], SINGLES)
        found["p50_us"], found["p99_us"] = latency(system.one, n)
        if hasattr(system, "kernel"):
            found["kernel_p50_us"], found["kernel_p99_us"] = latency(system.kernel, n)
    return found | {"predict_mb": peak_mb()}


def first(system, folder, model, threads, settings):
    X = matrix(folder, "X_one")
    system.load(model, threads, settings)
    system.bind(X)
    system.one(0)
    return {"first_s": round(time.time() - float(os.environ["BEGAN"]), 3)}


if __name__ == "__main__":
    phase, folder, model, name, threads, settings = sys.argv[1:]
    work = {"train": train, "predict": predict, "first": first}[phase]
    found = work(SYSTEMS[name](), folder, Path(model), int(threads), json.loads(settings))
    print(json.dumps(found))

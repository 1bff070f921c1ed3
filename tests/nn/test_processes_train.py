"""Several processes train one model: the same weights in all of them, one decides when to stop."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="one process only here"),
]

CHILD = """
import sys
sys.path[:0] = {path!r}
import atexit, numpy as np, os, torch
from toys import RECIPE, flat_order, learnable, network
from labeltree.core.arrays import as_csr
from labeltree.core.processes import is_main_process
from labeltree.nn.batches import TrainingData
from labeltree.nn.train import train
rank = int(os.environ["RANK"])
def says_what_still_runs():
    tasks = "/proc/self/task"
    threads = [open(f"{{tasks}}/{{task}}/comm").read() for task in os.listdir(tasks)]
    with open(os.path.join({folder!r}, f"threads{{rank}}"), "w") as file:
        file.writelines(name for name in threads if "gloo" in name)
if sys.platform == "linux":
    atexit.register(says_what_still_runs)  # what is registered first is called last
data = learnable({n})
contrary = TrainingData(data.documents, as_csr(1 - data.Y.toarray(), "Y"))
net = network(dropout={dropout})
recipe = RECIPE._replace(epochs=6, patience=2, clip=0.0, checkpoints={kept!r}, batch_size=2)
history = train(net, data, {validation}, recipe, order=flat_order())
assert is_main_process() == (rank == 0)
np.savez(os.path.join({folder!r}, f"rank{{rank}}.npz"), loss=history.loss, epochs=len(history.f1),
         **net.weights())
"""


def launched(folder, *, n=20, dropout=0.0, validation="None", kept=""):
    """Train in two processes on the processor; return what each ends with."""
    script = folder / "child.py"
    path = [str(Path(__file__).parent), *sys.path]
    options = {"n": n, "dropout": dropout, "validation": validation, "kept": kept}
    script.write_text(CHILD.format(path=path, folder=str(folder), **options))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--standalone", str(script)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    for rank in (0, 1) if sys.platform == "linux" else ():
        assert (folder / f"threads{rank}").read_text() == "", "they can abort a process that ends"
    return [dict(np.load(folder / f"rank{rank}.npz")) for rank in (0, 1)]


@pytest.mark.parametrize("n", [19, 17])
def test_two_processes_are_one_with_two_batches_a_step(tmp_path, n):
    """Of the last step one process has a smaller batch (19 documents), or none (17)."""
    from toys import RECIPE, flat_order, learnable, network

    from labeltree.nn.train import train

    first, second = launched(tmp_path, n=n)
    for batch_size, accumulate in ((2, 2), (4, 1)):
        net = network(dropout=0.0)
        recipe = RECIPE._replace(epochs=6, clip=0.0, accumulate=accumulate, batch_size=batch_size)
        history = train(net, learnable(n), None, recipe, order=flat_order())
        np.testing.assert_allclose(first["loss"], history.loss, rtol=1e-4)
        np.testing.assert_array_equal(first["loss"], second["loss"])
        for name, weight in net.weights().items():
            np.testing.assert_array_equal(first[name], second[name])
            np.testing.assert_allclose(first[name], weight, rtol=1e-3, atol=1e-5)


def test_they_stop_together_and_keep_checkpoints(tmp_path):
    first, second = launched(
        tmp_path, dropout=0.2, validation="contrary", kept=str(tmp_path / "kept")
    )
    assert first["epochs"] == second["epochs"] < 6
    assert all(np.array_equal(first[name], second[name]) for name in first)
    (training,) = (tmp_path / "kept").iterdir()
    assert len(list(training.iterdir())) == 1

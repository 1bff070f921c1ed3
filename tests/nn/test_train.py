"""Training: against a loop written out in plain PyTorch, and what goes wrong."""

import json
import random
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")
accelerate = pytest.importorskip("accelerate")

from torch.optim.optimizer import register_optimizer_step_pre_hook  # noqa: E402
from toys import (  # noqa: E402
    RECIPE,
    LabelReadingHead,
    LinearHead,
    documents,
    flat_order,
    learnable,
    network,
)

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.core.errors import MissingExtraError, ParameterError  # noqa: E402
from labeltree.core.pool import reporting  # noqa: E402
from labeltree.nn.answers import validated  # noqa: E402
from labeltree.nn.batches import TrainingData, batches, dense_targets, shared_out  # noqa: E402
from labeltree.nn.machine import parameter_groups  # noqa: E402
from labeltree.nn.train import Descriptions, train  # noqa: E402


def trained(data=None, validation=None, *, net=None, descriptions=None, **changed):
    net = net or network()
    data = data or learnable()
    n_labels = data.Y.shape[1]
    history = train(
        net, data, validation, RECIPE._replace(**changed),
        order=flat_order(n_labels), descriptions=descriptions,
    )  # fmt: skip
    return net, history


def same(one, other):
    a, b = one.weights(), other.weights()
    return all(np.array_equal(a[name], b[name]) for name in a)


def plain_loop(net, data, recipe):
    """The same training, without anything of ours but the batches."""
    groups = parameter_groups(net, recipe)
    optimizer = torch.optim.AdamW(groups, fused=False, foreach=False)
    plan = [batches(data.documents.lengths, recipe.batch_size, recipe.seed, e)
            for e in range(recipe.epochs)]  # fmt: skip
    n_steps = sum(map(len, plan))
    net.train()
    for step, rows in enumerate(rows for epoch in plan for rows in epoch):
        y = torch.from_numpy(data.Y.toarray()[rows])
        loss = net.loss(data.documents.batch(rows), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
        n_warm = int(recipe.warmup * n_steps)
        rate = (step + 1) / n_warm if step < n_warm else (n_steps - step) / (n_steps - n_warm)
        for group, before in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] = before["initial_lr"] * rate
        optimizer.step()
        optimizer.zero_grad()


def test_like_a_plain_loop():
    data, recipe = learnable(30), RECIPE._replace(clip=0.05)
    ours, theirs = network(dropout=0.0), network(dropout=0.0)
    trained(data, net=ours, clip=0.05)
    plain_loop(theirs, data, recipe)
    for name, weight in theirs.weights().items():
        np.testing.assert_allclose(ours.weights()[name], weight, rtol=2e-4, atol=2e-5)
    assert not same(ours, network(dropout=0.0))


def test_learns():
    data = learnable(60, longest=2)  # one word, which decides
    net, history = trained(data, epochs=30)
    f1, _ = validated(net.eval(), data, flat_order(), 16)
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert f1 == 1
    assert history.n_steps == 30 * 15
    assert history.best_epoch == 29
    assert np.isnan(history.f1).all()


def test_the_first_loss_is_the_untrained_networks():
    data, net = learnable(4), network(dropout=0.0)
    expected = validated(net.eval(), data, flat_order(), 4)[1]
    _, history = trained(data, net=net, epochs=1)
    assert history.loss[0] == pytest.approx(expected, rel=1e-5)


def test_same_seed_same_weights():
    assert same(trained()[0], trained()[0])
    assert not same(trained()[0], trained(seed=1)[0])


@pytest.mark.parametrize("n", [8, 7])
def test_accumulated_batches_are_one_large_batch(n):
    data = learnable(n)
    whole = trained(data, net=network(dropout=0.0), batch_size=8, epochs=1)[0]
    parts = trained(data, net=network(dropout=0.0), batch_size=4, accumulate=2, epochs=1)[0]
    for name, weight in whole.weights().items():
        np.testing.assert_allclose(parts.weights()[name], weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n", [64, 75])
def test_small_batches_that_add_up_step_as_large_ones_do(n, monkeypatch):
    """Same documents in each step, same gradient, though batches hold documents of like length."""
    met = []

    def spy(Y, rows, device):
        met.append((len(gradients), rows))
        return dense_targets(Y, rows, device)

    monkeypatch.setattr("labeltree.nn.train.dense_targets", spy)
    found = []
    for batch_size, accumulate in ((32, 1), (8, 4), (16, 2)):
        met, gradients = [], []
        options = {"batch_size": batch_size, "accumulate": accumulate, "epochs": 2, "clip": 0.0}
        observed_steps(
            gradients, data=learnable(n, longest=40), net=network(dropout=0.0), **options
        )
        n_steps = 1 + max(step for step, _ in met)
        of_step = [[rows for step, rows in met if step == i] for i in range(n_steps)]
        steps = [np.sort(np.concatenate(parts)) for parts in of_step]
        assert max(len(rows) for _, rows in met) == batch_size
        found.append((steps, [norm for _, norm in gradients]))
    (steps, norms), *others = found
    assert sum(map(len, steps)) == 2 * n
    for other, lengths in others:
        assert all(np.array_equal(a, b) for a, b in zip(steps, other, strict=True))
        np.testing.assert_allclose(lengths, norms, rtol=1e-3)


def observed_steps(met=None, **changed):
    """Return (rates by group, length of the gradient) of each step."""
    met = [] if met is None else met

    def look(optimizer, *_):
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        met.append((
            [g["lr"] for g in optimizer.param_groups],
            torch.cat([g.flatten() for g in grads]).norm().item(),
        ))  # fmt: skip

    handle = register_optimizer_step_pre_hook(look)
    try:
        trained(**changed)
    finally:
        handle.remove()
    return met


def test_gradients_are_cut():
    assert max(norm for _, norm in observed_steps(clip=0.01)) == pytest.approx(0.01, rel=1e-3)
    assert max(norm for _, norm in observed_steps(clip=0)) > 0.1


def test_two_learning_rates_rise_and_fall_together():
    met = [rates for rates, _ in observed_steps(warmup=0.2)]  # 15 steps
    assert len(met) == 15
    ratio = RECIPE.lr / RECIPE.head_lr
    for rates in met:
        assert min(rates) == pytest.approx(max(rates) * ratio)
    peaks = [max(rates) for rates in met]
    assert np.argmax(peaks) in (2, 3)
    assert peaks[2] == pytest.approx(RECIPE.head_lr)
    assert peaks[-1] == pytest.approx(RECIPE.head_lr / 12)


def test_biases_and_norms_do_not_shrink():
    net = network()
    groups = parameter_groups(net, RECIPE)
    names = {id(p): name for name, p in net.named_parameters()}
    found = {names[id(p)]: (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert found == {
        "encoder.table.weight": (0.01, 0.01),
        "encoder.norm.weight": (0.05, 0.0),
        "encoder.norm.bias": (0.05, 0.0),
        "encoder.mix.weight": (0.05, 0.01),
        "encoder.mix.bias": (0.05, 0.0),
        "head.linear.weight": (0.05, 0.01),
        "head.linear.bias": (0.05, 0.0),
    }


def test_frozen_weights_stay():
    net = network()
    net.encoder.table.weight.requires_grad_(False)
    before = net.weights()["encoder.table.weight"]
    trained(net=net)
    np.testing.assert_array_equal(net.weights()["encoder.table.weight"], before)


# ---- validation ----------------------------------------------------------------------------------


def contrary(data):
    """Return the documents with every label but their own: the better learned, the worse."""
    return TrainingData(data.documents, as_csr(1 - data.Y.toarray(), "Y"))


def test_training_ends_when_validation_gets_worse():
    data = learnable(40)
    net, history = trained(data, contrary(data), epochs=40, patience=2)
    n_epochs = len(history.f1)
    assert n_epochs < 40
    assert history.best_epoch == n_epochs - 3
    assert history.n_steps == n_epochs * 10


def test_without_validation_nothing_ends_training():
    _, history = trained(epochs=6, patience=1)
    assert len(history.loss) == 6
    assert history.best_epoch == 5


def test_the_best_weights_are_kept():
    data = learnable(40)
    net, history = trained(data, contrary(data), epochs=8, patience=0)
    assert len(history.f1) == 8
    keys = list(zip(history.f1, -history.validation_loss, strict=True))
    assert history.best_epoch == keys.index(max(keys)) < 7
    f1, loss = validated(net.eval(), contrary(data), flat_order(), 4)
    assert f1 == history.f1[history.best_epoch]
    assert loss == pytest.approx(history.validation_loss[history.best_epoch], rel=1e-6)


def test_equal_f1_is_decided_by_loss():
    data = learnable(20)
    everything = TrainingData(data.documents, as_csr(np.ones((20, 5)), "Y"))
    _, history = trained(data, everything, epochs=6)
    assert (history.f1 == 1).all()
    assert history.best_epoch == history.validation_loss.argmin()


def test_looking_at_validation_changes_nothing_else():
    data = learnable(20)
    plain, watched = trained(data, epochs=4)[1], trained(data, data, epochs=4)[1]
    np.testing.assert_array_equal(plain.loss, watched.loss)


# ---- labels --------------------------------------------------------------------------------------


def test_labels_are_read_anew_every_so_many_steps():
    net = network(head=LabelReadingHead)
    seen = net.head.seen
    described = documents(5, seed=3)
    trained(net=net, descriptions=Descriptions(described, 4), batch_size=4, epochs=2)  # 10 steps
    assert len(seen) == 3
    assert all(features.shape == (5, 8) for features in seen)
    assert not torch.equal(seen[0], seen[1]), "the encoder has changed"


def test_some_labels_are_read_anew_each_time():
    net, described = network(head=LabelReadingHead), documents(5, seed=3)
    trained(net=net, descriptions=Descriptions(described, 2, 0.3), batch_size=4, epochs=2)
    changed = [(a != b).any(1).tolist() for a, b in pairwise(net.head.seen)]
    assert [sum(labels) for labels in changed] == [2] * 4, "0.3 of five, rounded up"
    assert len(set(map(tuple, changed))) > 1, "not the same ones each time"


def test_labels_may_be_read_once():
    net = network(head=LabelReadingHead)
    trained(net=net, descriptions=Descriptions(documents(5), 2, 0.0), batch_size=4, epochs=2)
    assert len(net.head.seen) == 1


def test_labels_are_read_without_dropout_in_the_order_of_labels():
    net = network(n_labels=7, head=LabelReadingHead, dropout=0.5)
    described = documents(7, seed=3)
    expected = net.eval().read(described.batch(np.arange(7))).pooled.detach()
    trained(learnable(n_labels=7), net=net, descriptions=Descriptions(described, 100), epochs=1)
    torch.testing.assert_close(net.head.seen[0], expected)


# ---- documents -----------------------------------------------------------------------------------


def test_the_encoder_may_prepare_documents_once():
    net, met = network(), []

    def ready(found, run):
        met.append((len(found), run.precision, run.device.type))
        return found

    net.encoder.ready = ready
    trained(learnable(20), learnable(6), net=net)
    assert met == [(20, "fp32", "cpu"), (6, "fp32", "cpu")]
    net = network(head=LabelReadingHead)
    net.encoder.ready = ready
    trained(learnable(20), net=net, descriptions=Descriptions(documents(5), 4))
    assert met[2:] == [(20, "fp32", "cpu"), (5, "fp32", "cpu")]


def test_only_rows_of_a_batch_are_made_dense(monkeypatch):
    met = []

    def spy(Y, rows, device):
        met.append(len(rows))
        return dense_targets(Y, rows, device)

    monkeypatch.setattr("labeltree.nn.train.dense_targets", spy)
    monkeypatch.setattr("labeltree.nn.answers.dense_targets", spy)
    trained(learnable(20), learnable(20), epochs=1)
    assert max(met) == RECIPE.batch_size
    assert sum(met) == 40


# ---- what surrounds a training -------------------------------------------------------------------


class Recorder:
    def __init__(self):
        self.told = []

    def start(self, what, total):
        self.told.append((what, total))

    def advance(self, units=1):
        self.told.append(units)

    def finish(self):
        self.told.append("finish")


def test_progress_is_told_epoch_by_epoch():
    progress = Recorder()
    with reporting(progress):
        trained(learnable(8), learnable(4), epochs=2)
    epoch = [1, 1, "finish", ("validating", 0), "finish"]
    assert progress.told == [("epoch 1 of 2", 2), *epoch, ("epoch 2 of 2", 2), *epoch]


def test_random_numbers_outside_are_not_touched():
    before = torch.get_rng_state(), random.getstate()
    trained()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_bf16_and_fp32_in_one_process():
    half, history = trained(learnable(40), epochs=10, precision="bf16")
    assert history.loss[-1] < history.loss[0]
    assert {w.dtype for w in half.weights().values()} == {np.dtype("float32")}
    full, _ = trained(learnable(40), epochs=10, precision="fp32")
    assert not same(half, full)
    assert same(full, trained(learnable(40), epochs=10, precision="auto")[0])


def test_somebodys_own_accelerator_stays():
    from accelerate.state import AcceleratorState, PartialState

    before = dict(AcceleratorState._shared_state), dict(PartialState._shared_state)
    try:
        own = accelerate.Accelerator(cpu=True)
        trained(precision="bf16")
        assert own.state.mixed_precision == "no"
        assert own.device.type == "cpu"
    finally:
        for state, old in zip((AcceleratorState, PartialState), before, strict=True):
            state._shared_state.clear()
            state._shared_state.update(old)


def test_threads_may_train_one_after_the_other():
    found = []
    thread = threading.Thread(target=lambda: found.append(trained()[0]))
    thread.start()
    thread.join()
    assert same(found[0], trained()[0])


WRITER = """
import json, os
class SummaryWriter:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.out = open(os.path.join(folder, "events.jsonl"), "a")
    def add_scalar(self, name, value, global_step):
        self.out.write(json.dumps([name, value, global_step]) + "\\n")
    def flush(self):
        self.out.flush()
    def close(self):
        self.out.close()
"""


def test_a_log_for_tensorboard(tmp_path, monkeypatch):
    """With a stand-in that writes JSON, so that the test needs no TensorBoard."""
    (tmp_path / "lib" / "tensorboardX").mkdir(parents=True)
    (tmp_path / "lib" / "tensorboardX" / "__init__.py").write_text(WRITER)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # not the real one
    monkeypatch.setattr("accelerate.utils.imports.is_tensorboard_available", lambda: True)
    monkeypatch.setattr("accelerate.tracking.is_tensorboard_available", lambda: True, raising=False)
    trackers = accelerate.tracking._available_trackers
    monkeypatch.setattr(
        accelerate.tracking, "_available_trackers",
        [*{*trackers, accelerate.utils.LoggerType.TENSORBOARD}],
    )  # fmt: skip
    _, history = trained(learnable(8), learnable(4), epochs=2, log=str(tmp_path / "log"))
    lines = (tmp_path / "log" / "labeltree" / "events.jsonl").read_text().splitlines()
    found = {(name, step): value for name, value, step in map(json.loads, lines)}
    for epoch, step in enumerate((2, 4)):
        assert found["loss", step] == pytest.approx(history.loss[epoch])
        assert found["micro-F1", step] == history.f1[epoch]
        assert found["rate", step] == RECIPE._replace(epochs=2).rate(step - 1, 4)
        assert found["validation loss", step] == history.validation_loss[epoch]
    sys.modules.pop("tensorboardX", None)


def test_a_log_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setattr("accelerate.utils.imports.is_tensorboard_available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"labeltree\[nn\]"):
        trained(log=str(tmp_path))


# ---- what goes wrong -----------------------------------------------------------------------------


class Faulty(LinearHead):
    """Does something at the n-th loss of the training."""

    def __init__(self, width, n_labels, at, fault):
        super().__init__(width, n_labels)
        self.at, self.fault, self.n = at, fault, 0

    def loss(self, text, y):
        self.n += self.training
        found = super().loss(text, y)
        return self.fault(found, self) if self.n == self.at else found


def faulty(at, fault):
    return network(head=lambda width, n: Faulty(width, n, at, fault), dropout=0.0)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("at", [1, 4, 60])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_step(at, accumulate, value):
    net = faulty(at, lambda loss, _: loss * value)
    with pytest.raises(ParameterError) as caught:
        trained(net=net, epochs=20, accumulate=accumulate)
    steps = [
        rows for epoch in range(20)
        for rows in batches(learnable().documents.lengths, 4 * accumulate, RECIPE.seed, epoch)
    ]  # fmt: skip
    n_losses = np.cumsum([len(shared_out(rows, 4)) for rows in steps])
    step = 1 + np.searchsorted(n_losses, at)
    assert step == {1: at, 2: {1: 1, 4: 3, 60: 36}[at]}[accumulate]
    assert f"not finite at step {step}." in str(caught.value)
    for remedy in ("--head-lr", "--clip 1", "--precision fp32"):
        assert remedy in str(caught.value)


def test_weights_lost_in_the_last_step_are_noticed():
    def endless_gradient(loss, head):
        return loss + torch.sqrt(head.linear.bias.detach() * 0 + head.linear.bias * 0).sum()

    net = faulty(5, endless_gradient)
    with pytest.raises(ParameterError, match="not finite at step 5"):
        trained(learnable(20), net=net, epochs=1, clip=0)


def test_too_little_memory():
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(ParameterError, match=r"memory at step 3\. Lower --batch-size"):
        trained(net=faulty(3, full))


def test_half_precision_needs_a_card():
    with pytest.raises(ParameterError, match="fp16 needs a graphics card"):
        trained(precision="fp16")


def test_a_device_that_is_not_there():
    with pytest.raises(ParameterError, match="no device 'cuda:9' here"):
        trained(device="cuda:9")

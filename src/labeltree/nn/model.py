"""Fit and predict of the networks, written once; a model file is a preset of it.

Importing this needs no torch: only fitting and answering do.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, as_csr
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.inputs import check_k, checked_features, checked_texts, checked_truth
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel, Takes
from labeltree.core.params import at_least, choice, positive, seeds, whole, within
from labeltree.core.pool import ThreadPool, phase
from labeltree.grow import Given, GivenOrGrown, Star, TreeSource
from labeltree.grow.as_hierarchy import as_hierarchy
from labeltree.grow.pifa import unit_rows
from labeltree.nn.descriptions import described_by_words, means
from labeltree.nn.encoder import Encoder, Reading, require_torch
from labeltree.nn.encoders import Transformer
from labeltree.nn.graph import PRIORS, LabelGraph
from labeltree.nn.heads import Head
from labeltree.nn.recipe import History, Recipe
from labeltree.text.tfidf import Tfidf

if TYPE_CHECKING:
    from labeltree.nn.answers import Order
    from labeltree.nn.batches import TrainingData
    from labeltree.nn.network import Network, Weights
    from labeltree.nn.train import Descriptions

logger = logging.getLogger(__name__)

_BUILDING = threading.Lock()


@dataclass(eq=False)
class NeuralModel(BaseModel):
    """A text encoder, a hierarchy and a head; presets choose the head.

    A preset overrides `head`. What it needs besides are fields of its own.
    """

    stops_early: ClassVar[bool] = True
    encoder: Encoder = field(default_factory=Transformer)
    """What reads the texts: a transformer by name or folder, or a part such as `tfidf_mlp`."""
    tree: TreeSource = field(default_factory=GivenOrGrown)
    """The hierarchy: `given` with the data, `grown` (clusters are nodes that are no label), or a
    `star`: none."""
    prior: str = choice("share", PRIORS)
    """What edges weigh at first, where the head weighs them, counted from training labels: `share`
    n_c / n_p, `sibling` the same over siblings, `uniform`, or `none`."""
    begin: str = choice("frequencies", ("frequencies", "random"))
    """Where answers begin: at the labels' `frequencies`, whatever the text says, or at `random`
    near one half, from where rare labels come down over the first thousands of steps."""
    epochs: int = whole(1, 20)
    """Times that each document is met, at most."""
    batch_size: int = whole(1, 32, search="16,32,64")
    """Documents a batch, when training and when answering."""
    lr: float = positive(5e-5, search="1e-5..2e-4:log")
    """Learning rate of weights that were trained before: a transformer's."""
    head_lr: float = positive(1e-3, search="1e-4..1e-2:log")
    """Learning rate of weights that begin at random: the head's, and of encoders without a past."""
    weight_decay: float = at_least(0, 0.01)
    """Share of its learning rate by which a weight shrinks a step; biases and norms do not."""
    warmup: float = within(0, 1, 0.1)
    """Share of the steps in which the learning rates rise."""
    schedule: str = choice("linear", ("linear", "constant"))
    """What learning rates do then: fall to 0 in a straight line, or stay."""
    clip: float = at_least(0, 1.0)
    """Length that gradients are cut to; 0 for never."""
    accumulate: int = whole(1, 1)
    """Batches whose gradients are added up to one step: large batches in little memory."""
    patience: int = whole(0, 3)
    """Epochs without a better micro-F1 on validation before training ends; 0 for never."""
    precision: str = choice("auto", ("auto", "fp32", "bf16", "fp16"))
    """Of the encoder while training; `auto` is bf16 on graphics cards that have it. Answers are
    computed in fp32, but for the vectors of a frozen encoder, which say themselves."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, `mps`; `auto` is a graphics card where there is one."""
    checkpoints: str = ""
    """Folder for checkpoints; a training that was killed goes on from there."""
    save_every: int = whole(0, 0)
    """Steps from one checkpoint to the next; 0 for one an epoch."""
    log: str = ""
    """Folder for TensorBoard's logs."""
    seed: int = seeds()
    """Same seed, same model (on the same machine)."""
    _network: Any = field(init=False, repr=False, default=None)
    """(device, network): built when first asked for, never saved."""

    @property
    def takes(self) -> Takes:  # type: ignore[override]
        """What the encoder reads."""
        return self.encoder.takes

    def head(self) -> Head:
        """Return what stands on the encoder."""
        raise NotImplementedError

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Train the network; see `BaseModel.fit`.

        With `validation` the weights of the epoch that is best there are kept, else those of the
        last one. A head that needs label sets with all ancestors gets them: they are added to what
        it is trained on.

        Raises
        ------
        MissingExtraError
            If torch is not installed.
        DataError
            If X or Y cannot be used, or `validation` has labels of another model.
        ParameterError
            If the training diverges, or the device cannot do it.
        """
        require_torch()
        from labeltree.nn.answers import Order
        from labeltree.nn.batches import TrainingData, log_odds
        from labeltree.nn.network import built
        from labeltree.nn.train import train

        X, Y, known = self._checked(X, Y, labels)
        _check_columns(validation, Y)
        head, hierarchy = self.head(), self._hierarchy(X, Y, known)
        truth = hierarchy.close(Y) if head.closes else Y
        graph = LabelGraph.of(hierarchy, Y, prior=self.prior)
        reading = self.encoder.prepare(X, self.seed)
        data = TrainingData(reading.read(X), truth)
        held_out = self._held_out(validation, reading, hierarchy if head.closes else None)
        network = built(reading, head, graph, pretrained=True, seed=self.seed)
        if self.begin == "frequencies":
            network.head.begin_at(log_odds(truth))
        history = train(
            network, data, held_out, self.recipe(), order=Order.of(graph, known.counts > 0),
            descriptions=self._descriptions(head, reading, X, truth, known),
            made_of=(self, head, graph),
        )  # fmt: skip
        network.head.drop_training_parts()
        self.labels_, self.graph_ = known, graph
        self.reading_: Reading = reading
        self.weights_: Weights = network.weights()
        self.history_: History = history
        self._network = None
        return self

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row.

        A score is the logistic function of the network's answer. Labels without training
        documents are never ranked.
        """
        self.check_fitted()
        check_k(k)
        require_torch()
        from labeltree.nn.answers import ranking
        from labeltree.nn.documents import Run

        network, order = self._built()
        run = Run(network.device, "fp32", self.batch_size)
        documents = network.encoder.ready(self.reading_.read(X), run)
        return ranking(network, documents, k, order, self.batch_size)

    @property
    def n_features(self) -> int | None:
        """Features of a row, where the encoder reads features."""
        return getattr(self.reading_, "n_features", None)

    def recipe(self) -> Recipe:
        """Return how the network is trained."""
        return Recipe(**{name: getattr(self, name) for name in Recipe._fields})

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: the network is built again from its weights."""
        return {name: value for name, value in vars(self).items() if name != "_network"}

    def _checked(self, X: Any, Y: Any, labels: Labels | None) -> tuple[Any, CSR, Labels]:
        if self.takes == "features":
            X = checked_features(X)
            return X, *checked_truth(X.shape[0], Y, labels)
        texts = checked_texts(X)
        return texts, *checked_truth(len(texts), Y, labels)

    def _held_out(
        self, validation: Dataset | None, reading: Reading, closing: Hierarchy | None
    ) -> TrainingData | None:
        """Return validation as training reads it; labels outside the universe are left out."""
        from labeltree.nn.batches import TrainingData

        if validation is None or not len(validation):
            return None
        documents = reading.read(validation.inputs(self.takes))
        Y = as_csr(csr_array(validation.Y[:, : validation.n_universe]), "Y")
        return TrainingData(documents, Y if closing is None else closing.close(Y))

    def _hierarchy(self, X: Any, Y: CSR, known: Labels) -> Hierarchy:
        """Return the taxonomy as it is, or the tree that the source makes."""
        given = known.hierarchy
        if given is not None and isinstance(self.tree, (Given, GivenOrGrown)):
            return given if given.n_labels == len(known) else given.with_edges((), known.ids)
        if isinstance(self.tree, Star):
            return Hierarchy.from_edges((), known.ids)
        if self.takes != "features":
            with phase("counting words"):
                X = Tfidf(min_df=1).fit_transform(X)
        tree = self.tree.build(unit_rows(X), Y, known, seed=self.seed, pool=ThreadPool())
        return as_hierarchy(tree, known)

    def _descriptions(
        self, head: Head, reading: Reading, X: Any, Y: CSR, known: Labels
    ) -> Descriptions | None:
        """Return what labels are described by, if the head wants to read it."""
        from labeltree.nn.train import Descriptions

        if not head.refresh_labels:
            return None
        described = means(X, Y) if self.takes == "features" else described_by_words(X, Y, known)
        return Descriptions(reading.read(described), head.refresh_labels, head.refresh_share)

    def _built(self) -> tuple[Network, Order]:
        """Return the network on its device, and the order of its answers."""
        from labeltree.nn.answers import Order
        from labeltree.nn.network import restored

        device = self._device()
        with _BUILDING:
            if self._network is None or self._network[0] != device:
                network = restored(self.reading_, self.head(), self.graph_, self.weights_)
                order = Order.of(self.graph_, self.labels_.counts > 0)
                self._network = device, network.to(device), order
            _, network, order = self._network
        return network, order

    def _device(self) -> Any:
        """Return the device to answer on: that of the training may not be there."""
        from labeltree.nn.network import device_of

        try:
            return device_of(self.device)
        except ParameterError:
            found = device_of("auto")
            logger.warning("there is no device %r here: answering on %s", self.device, found)
            return found


def _check_columns(validation: Dataset | None, Y: CSR) -> None:
    if validation is not None and validation.n_universe != Y.shape[1]:
        raise DataError(
            f"Y of validation has {validation.n_universe} columns, Y of training {Y.shape[1]}.",
            "Give both a column for each label of the model.",
        )

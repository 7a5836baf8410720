"""Fit the linear heads with scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from models.dataset import Examples
from models.encoder import normalize
from models.encoding import Encoder
from models.features import Features, extract
from models.gather import add_unknown
from models.hashing import BucketIndex
from models.heads import Columns, Heads

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """How strongly the heads are regularised; the same for every pack and language."""

    dense_inverse_penalty: float = 10.0
    hashed_inverse_penalty: float = 1.0
    hashed_tolerance: float = (
        0.1  # of the intents; a hundredth of it moved one message in 17,000 and took longer
    )
    bayes_share: float = 0.045  # of naive Bayes in the hashed scores of the intents; a margin weighs 1
    bayes_count: float = 0.01  # added to every count, so that none is 0
    prototypes: int = 2  # of each intent
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One head to fit: which rows, their classes, and the columns its scores fill."""

    rows: Int64Array
    classes: Int64Array
    columns: Sequence[int]
    balanced: bool
    tolerance: float = 1e-2  # at which the fit on the hashed n-grams stops
    bayes: bool = False  # naive Bayes joins


def fit(examples: Examples, encoder: Encoder, settings: HeadSettings) -> Heads:
    """Fit every head on `examples`."""
    features = extract(examples.texts)
    return fit_features(examples, features, encoder.embed(examples.texts, features), settings)


def fit_features(
    examples: Examples, features: Features, embedding: Float32Array, settings: HeadSettings
) -> Heads:
    """Fit every head on `examples`, whose features and float32 [n, d] embedding are known."""
    index = BucketIndex.fit(features)
    sparse = index.weigh(features).matrix(index.buckets.size).astype(np.float64)  # as the solver wants it
    sparse.sum_duplicates()
    columns = Columns(intents=examples.labels.shape[1])
    dense_head = np.zeros((embedding.shape[1] + 1, columns.count), np.float32)
    hashed_head = np.zeros((sparse.shape[1] + 1, columns.count), np.float32)
    for task in list_tasks(examples, columns, settings):
        place = list(task.columns)
        dense_head[:, place] = _fit_dense(embedding[task.rows], task, settings)
        hashed_head[:, place] = _fit_hashed(sparse[task.rows], task, settings)
    return Heads(
        index=index,
        hashed=add_unknown(hashed_head[:-1]),
        hashed_bias=hashed_head[-1],
        dense=dense_head[:-1],
        dense_bias=dense_head[-1],
        prototypes=find_prototypes(embedding, examples.labels, settings),
    )


def list_tasks(examples: Examples, columns: Columns, settings: HeadSettings) -> list[Task]:
    """Give the five tasks; a message with two intents stands in the intent task twice."""
    everyone = np.arange(len(examples.texts))
    rows, intents = np.nonzero(examples.labels)
    inside = np.flatnonzero(examples.in_scope)
    multiple = (examples.labels[inside].sum(axis=1) > 1).astype(np.int64)
    span = range(columns.count)
    return [
        Task(
            rows=rows,
            classes=intents,
            columns=span[columns.intent],
            balanced=False,
            tolerance=settings.hashed_tolerance,
            bayes=True,
        ),
        Task(
            rows=everyone, classes=examples.in_scope.astype(np.int64), columns=[columns.scope], balanced=True
        ),
        Task(rows=everyone, classes=examples.sentiment, columns=span[columns.sentiment], balanced=True),
        Task(rows=everyone, classes=examples.anger.astype(np.int64), columns=[columns.anger], balanced=True),
        Task(rows=inside, classes=multiple, columns=[columns.multiple], balanced=True),
    ]


def find_prototypes(
    embedding: Float32Array, labels: npt.NDArray[np.bool_], settings: HeadSettings
) -> Float32Array:
    """Give float32 [p, d] of length 1: the centres of each intent's messages."""
    centres = []
    for intent in range(labels.shape[1]):
        members = np.unique(embedding[labels[:, intent]], axis=0)
        count = min(settings.prototypes, len(members))
        if count:
            model = KMeans(n_clusters=count, n_init=1, max_iter=20, random_state=settings.seed)
            centres.append(model.fit(members).cluster_centers_)
    return normalize(np.concatenate(centres).astype(np.float32))


def _fit_dense(X: Float32Array, task: Task, settings: HeadSettings) -> Float32Array:
    if (single := np.unique(task.classes)).size == 1:
        return _always(int(single[0]), X.shape[1], task)
    model = LogisticRegression(
        C=settings.dense_inverse_penalty, class_weight=_weighting(task), max_iter=200, tol=1e-3
    )
    model.fit(X, task.classes)
    return _weights_of(model, task)


def _fit_hashed(X: sp.csr_matrix, task: Task, settings: HeadSettings) -> Float32Array:
    if (single := np.unique(task.classes)).size == 1:
        return _always(int(single[0]), X.shape[1], task)
    model = LinearSVC(
        C=settings.hashed_inverse_penalty,
        class_weight=_weighting(task),
        random_state=settings.seed,
        tol=task.tolerance,
    )
    model.fit(X, task.classes)
    weights = _weights_of(model, task)
    if task.bayes:
        ratios = log_ratios(X, task.classes, len(task.columns), added=settings.bayes_count)
        weights[:-1] += settings.bayes_share * ratios
    return weights


def log_ratios(X: sp.csr_matrix, classes: Int64Array, count: int, *, added: float) -> Float32Array:
    """Give float32 [inputs, count]: how much likelier an input is in a class than in the others, as a logarithm.

    Source: Wang & Manning 2012, Baselines and Bigrams; here the ratios are weights themselves.
    """
    held = sp.csr_matrix((np.ones(X.nnz, np.float32), X.indices, X.indptr), shape=X.shape)
    shape = (count, classes.size)
    own = sp.csr_matrix((np.ones(classes.size, np.float32), (classes, np.arange(classes.size))), shape=shape)
    inside = (own @ held).toarray() + added
    outside = inside.sum(axis=0) - inside
    ratios = np.log(inside / inside.sum(axis=1, keepdims=True)) - np.log(
        outside / outside.sum(axis=1, keepdims=True)
    )
    found: Float32Array = ratios.T.astype(np.float32)
    return found


def _always(label: int, inputs: int, task: Task) -> Float32Array:
    """Give the weights of a task that has one class only: the bias alone speaks."""
    weights = np.zeros((inputs + 1, len(task.columns)), np.float32)
    if len(task.columns) == 1:
        weights[-1] = 1 if label else -1
    else:
        weights[-1, label] = 1
    return weights


def _weighting(task: Task) -> str | None:
    return "balanced" if task.balanced else None


def _weights_of(model: LogisticRegression | LinearSVC, task: Task) -> Float32Array:
    """Give float32 [inputs + 1, columns]: the weights and, last, the bias; absent classes score lowest."""
    whole = np.vstack((model.coef_.T, model.intercept_)).astype(np.float32)
    if whole.shape[1] == len(task.columns):
        return whole
    spread = np.zeros((whole.shape[0], len(task.columns)), np.float32)
    spread[-1] = whole[-1].min() - 1
    spread[:, model.classes_] = whole
    return spread

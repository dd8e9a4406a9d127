"""What BaseMLP asks of a classifier: classes, targets, weights of classes, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target

from fastnn.estimators.base import BaseMLP
from fastnn.estimators.labels import known_labels, target_rows, weight_of_rows
from fastnn.estimators.recipe import Objective, classifier_objective
from fastnn.estimators.scoring import accuracy, log_likelihood


class OfClasses(BaseMLP):
    """The part of MLPClassifier that users do not call."""

    _label_binarizer: LabelBinarizer
    classes_: np.ndarray

    def _expect(self, classes: Any, y: Any) -> None:
        """The classes there will be."""
        several = type_of_target(y).startswith("multilabel")
        self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        self.classes_ = self._label_binarizer.classes_

    def _binarizer(self) -> LabelBinarizer:
        """What knows the labels; of `classes_` alone, where they are all."""
        return getattr(self, "_label_binarizer", None) or LabelBinarizer().fit(self.classes_)

    def _decide(self, outputs: np.ndarray) -> np.ndarray:
        binarizer = self._binarizer()
        if binarizer.y_type_ == "multilabel-indicator":
            decided = (outputs > 0.5).astype(np.int64)
            return binarizer.inverse_transform(decided) if binarizer.sparse_input_ else decided
        if outputs.shape[1] > 1:
            return self.classes_[outputs.argmax(axis=1)]
        return self.classes_[(outputs[:, 0] > 0.5).astype(np.int64) * (len(self.classes_) > 1)]

    def _read_y(self, y: Any, X: Any) -> np.ndarray:
        return check_array(y, ensure_2d=False, dtype=None, accept_sparse="csr")

    def _known(self, y: Any, s: Any, incremental: bool) -> np.ndarray:
        return known_labels(self, y, s.warm_start, incremental)

    def _strata(self, y: np.ndarray) -> Any:
        """What the part held out is stratified by: two classes, as in scikit-learn."""
        two = self._label_binarizer.y_type_ == "binary"
        return (y == self.classes_[-1]).astype(str) if two else None

    def _weighted(self, s: Any, y: np.ndarray, weight: Any, incremental: bool) -> Any:
        if s.class_weight is None:
            return weight
        if incremental and s.class_weight == "balanced":
            raise ValueError(
                'class_weight is "balanced", but partial_fit sees only some of the rows; pass the '
                "weights as a dict, or sample_weight"
            )
        by_class = weight_of_rows(s.class_weight, self.classes_, y)
        return by_class if weight is None else by_class * weight

    def _targets(self, s: Any, y: Any, dtype: np.dtype, first: bool) -> tuple[np.ndarray, bool]:
        return target_rows(self._label_binarizer, s, y, dtype)

    def _objective(self, s: Any, targets: np.ndarray, labels: bool) -> Objective:
        kind = self._label_binarizer.y_type_
        n_out = len(self.classes_) if kind == "multiclass" else targets.shape[1]
        return classifier_objective(s.loss, kind, n_out, s.label_smoothing)

    def _plain_score(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        return accuracy(self._numbers(y), outputs, weight)

    def _preset_score(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        return log_likelihood(self._numbers(y), outputs, weight)

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """Class numbers in place of rows of 0 and 1."""
        return y.argmax(axis=1) if self.out_activation_ == "softmax" and y.ndim == 2 else y

    def _link(self, outputs: np.ndarray) -> np.ndarray:
        return outputs

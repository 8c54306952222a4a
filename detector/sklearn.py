"""`SpunFeatures`: the project's features as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from detector import features
from detector.document import Document
from detector.lexicon.tables import load_lexicon
from detector.model import Model, ModelError, load_model
from detector.paths import LEXICON, SHIPPED
from detector.training.matrix import feature_matrix


class SpunFeatures(TransformerMixin, BaseEstimator):
    """Texts or Documents -> float32[D, F], the features that the shipped heads read.

    Stateless: `fit` learns nothing. It holds no arrays, so it clones and pickles at no cost and opens the
    lexicon and the model's token stage where it is used.

    Parameters
    ----------
    model : str, Model or None
        Bundle whose token stage gives the `replaced_*` features; None is the shipped one.
    only : tuple of str, default ()
        Prefixes of the features to keep ("swap", "stuffing_"); all if empty.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(SpunFeatures(), LogisticRegression(max_iter=1000))
    """

    def __init__(self, model: str | Model | None = None, only: tuple[str, ...] = ()) -> None:
        self.model = model
        self.only = only

    def fit(self, X: Iterable[str | Document], y: Any = None) -> SpunFeatures:
        """Check the input and return self; there is nothing to learn."""
        _as_list(X)
        self.get_feature_names_out()
        return self

    def transform(self, X: Iterable[str | Document]) -> np.ndarray:
        """float32[D, F]. Raises TypeError if X is one string or holds anything but texts and Documents, ModelError
        if the model can't be used or was made for another release's features or lexicon."""
        documents = _as_list(X)
        lexicon = load_lexicon(LEXICON)
        model = self.model if isinstance(self.model, Model) else load_model(self.model or SHIPPED)
        if (model.manifest["features"], model.manifest["lexicon"]) != (list(features.NAMES), lexicon.digest):
            raise ModelError(
                f"model {model.name} was made for other features or another lexicon than this release's"
            )
        names = self.get_feature_names_out().tolist()
        columns = [features.NAMES.index(name) for name in names]
        return feature_matrix(lexicon.tables, model.heads.token_weights, documents)[:, columns]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the columns. Raises ValueError if `only` matches none."""
        names = [name for name in features.NAMES if not self.only or name.startswith(tuple(self.only))]
        if not names:
            raise ValueError(f"only={self.only!r} matches no feature; their names begin {features.NAMES[:3]}")
        return np.array(names, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags


def _as_list(documents: Iterable[str | Document]) -> list[str | Document]:
    if isinstance(documents, str | Document):
        raise TypeError("expected a list of texts, got one text: wrap it in a list")
    listed = list(documents)
    for i, document in enumerate(listed):
        if not isinstance(document, str | Document):
            raise TypeError(f"item {i} is {type(document).__name__}, expected str or Document")
    return listed

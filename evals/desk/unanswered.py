"""What people ask that the policy does not say, alike questions together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from bot.conversation import condense
from bot.log import Entry
from bot.models import EmbeddingModel

_MOST = 2000
_ALIKE = 0.65
"""Cosine distance up to which questions belong together, on the mean of all pairs."""


@dataclass(frozen=True)
class Group:
    """Questions that ask for much the same, the most typical one first."""

    questions: tuple[str, ...]


def group(entries: Sequence[Entry], model: EmbeddingModel) -> list[Group]:
    """The questions of the entries, the latest 2000 at most, in groups, the largest first."""
    asked = [condense(entry.question, entry.history) for entry in entries[-_MOST:]]
    if len(asked) < 2:
        return [Group((question,)) for question in asked]
    vectors = np.array(model.embed_queries(asked), np.float32)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=_ALIKE
    ).fit(vectors)
    groups = []
    for name in range(clustering.n_clusters_):
        members = np.flatnonzero(clustering.labels_ == name)
        typical = vectors[members] @ vectors[members].mean(axis=0)
        groups.append(Group(tuple(asked[members[n]] for n in np.argsort(-typical, kind="stable"))))
    return sorted(groups, key=lambda g: -len(g.questions))

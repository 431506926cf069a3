"""Tunes both models and fits what decides: python -m evals.training.train."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from bot.cross_encoder import CROSS_ADAPTER
from bot.models import ADAPTER, bundled_model
from evals.training.adapters import store_adapter
from evals.training.bi_encoder import train_bi_encoder
from evals.training.cross_encoder import train_cross_encoder
from evals.training.data import TrainingPolicy, read_training_policies, read_whole_policies
from evals.training.judging import fit
from evals.training.taxonomy import read_taxonomy

RANK = 80
CROSS_RANK = 266


def main() -> None:
    """Train on the taxonomy and all policies, then fit the judge on policies that the models have not seen."""
    train([read_taxonomy(), *read_training_policies(), *read_whole_policies()])
    fit()


def train(policies: Sequence[TrainingPolicy]) -> None:
    """Tune the embedding model, and the cross-encoder from there; then store both as adapters."""
    with tempfile.TemporaryDirectory() as folder:
        bi_encoder: Any = train_bi_encoder(policies)
        bi_encoder.save(folder)
        cross_encoder: Any = train_cross_encoder(policies, Path(folder))
    for name, model, rank, adapter in (
        ("embedding model", bi_encoder, RANK, ADAPTER),
        ("cross-encoder", cross_encoder, CROSS_RANK, CROSS_ADAPTER),
    ):
        lost = store_adapter(_untuned(), model[0].auto_model, rank, adapter)
        print(f"The adapter of the {name} loses {lost:.1%} of what was learnt.")


def _untuned() -> Any:
    return SentenceTransformer(str(bundled_model()), device="cpu")[0].auto_model


if __name__ == "__main__":
    main()

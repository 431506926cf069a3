"""Tunes both models and fits what decides: python -m evals.training.train, or with the name of one stage behind it."""

import sys
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

_RANK = 160
"""Of the adapters that are stored."""


def tune_embedding_model() -> None:
    """Tune the bundled model to find clauses, and store what it learnt."""
    model: Any = train_bi_encoder(_policies())
    _store("embedding model", model, ADAPTER)


def tune_cross_encoder() -> None:
    """Tune the cross-encoder, from the embedding model as it is stored, and store what it learnt."""
    model: Any = train_cross_encoder(_policies(), list(read_whole_policies()))
    _store("cross-encoder", model, CROSS_ADAPTER)


STAGES = {"embedding": tune_embedding_model, "cross-encoder": tune_cross_encoder, "judge": fit}


def main() -> None:
    """Train on the taxonomy and all policies, then fit the judge on policies that the models have not seen."""
    stages = sys.argv[1:] or list(STAGES)
    if unknown := [stage for stage in stages if stage not in STAGES]:
        sys.exit(f"There is no stage {unknown[0]!r}. The stages are: {', '.join(STAGES)}.")
    for stage in stages:
        STAGES[stage]()


def _policies() -> list[TrainingPolicy]:
    return [read_taxonomy(), *read_training_policies(), *read_whole_policies()]


def _store(name: str, model: Any, adapter: Path) -> None:
    untuned: Any = SentenceTransformer(str(bundled_model()), device="cpu")
    lost = store_adapter(untuned[0].auto_model, model[0].auto_model.cpu(), _RANK, adapter)
    print(f"The adapter of the {name} loses {lost:.1%} of what was learnt.")


if __name__ == "__main__":
    main()

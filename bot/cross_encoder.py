"""The cross-encoder: reads a question and a clause together, and scores how well the clause answers."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer

from bot.models import Vector, apply_adapter, bundled_model

CROSS_ADAPTER = Path(__file__).with_name("cross_adapter")
"""What `evals.training.train` has taught the bundled model about pairs, as a LoRA adapter."""
_WINDOW = 160
"""Word pieces of a question and a clause together; a longer clause is cut."""
_SCALE, _OFFSET = 20.0, -13.0
"""They make a cosine a logit; the encoder learns to suit them."""


class PairScore(torch.nn.Module):
    """A logit for how well two texts that were read together fit: the cosine of their mean vectors, scaled.

    It is what the encoder was made for. A head on the first token, as is usual, would have to learn to
    compare from nothing.
    """

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tokens = features["token_embeddings"].float()
        mask, second = features["attention_mask"], features["token_type_ids"]
        cosine = torch.cosine_similarity(_sum(tokens, mask * (1 - second)), _sum(tokens, mask * second))
        return {**features, "scores": _SCALE * cosine.unsqueeze(1) + _OFFSET}


def _sum(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The sum of the tokens that the mask shows: as long as it likes, since its direction is all that counts."""
    return (tokens * mask.unsqueeze(-1)).sum(1)


class ClauseScorer:
    """Scores pairs of a question and a clause with the bundled model, as its adapter has taught it."""

    def __init__(self, adapter: Path = CROSS_ADAPTER) -> None:
        self._model = untaught_cross_encoder()
        encoder: Any = self._model[0]
        apply_adapter(encoder, adapter)
        if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # half the time; int8 would take less, but err by 0.25
            encoder.auto_model.bfloat16()
        self._lock = Lock()  # the tokenizer cannot be shared

    def score(self, question: str, clauses: Sequence[str]) -> Vector:
        """A logit for each clause: above 0, it rather answers the question than not."""
        with self._lock:
            scores = self._model.predict(
                [(question, clause) for clause in clauses],
                activation_fn=torch.nn.Identity(),
                show_progress_bar=False,
            )
        return np.asarray(scores, np.float32).reshape(-1)


def untaught_cross_encoder() -> CrossEncoder:
    """A cross-encoder with the weights of the bundled embedding model."""
    encoder = Transformer(str(bundled_model()), max_seq_length=_WINDOW)
    return CrossEncoder(modules=[encoder, PairScore()], device="cpu", num_labels=1)


@cache
def load_clause_scorer() -> ClauseScorer:
    """The scorer, loaded once in a process."""
    return ClauseScorer()

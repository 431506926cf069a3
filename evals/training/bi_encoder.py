"""Tunes the embedding model, by which clauses are found.

A question is drawn to each clause that answers it, and away from all others of its policy. Silence stands among these
as a clause that is equally near to every question: one on which the policy is silent is pushed away from whatever is
nearer than that.
"""

import random
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.utils.data import SequentialSampler
from transformers import set_seed

from bot.models import bundled_model
from evals.training.adapters import learn_layers_only
from evals.training.batches import Text, draw_batches
from evals.training.data import TrainingPolicy
from evals.training.trainer import SEED, TRAINER, answer_loss, quicken, read_in_parts

PASSES = 3
"""So many times each question is learnt from, beside its policy's clauses, each time otherwise shown."""
LEARNING_RATE = 2e-4
TEMPERATURE = 0.05
SILENCE = 0.5
"""The cosine of silence with every question."""
_SILENT = 0.5
"""How much a question counts on which the policy is silent."""
_WINDOW = 96
"""Word pieces of a text that are read in training."""
_AREA = 1024
"""Word pieces that are read at a time."""


def train_bi_encoder(policies: Sequence[TrainingPolicy]) -> SentenceTransformer:
    """The bundled model, as the policies have taught it."""
    set_seed(SEED)
    rng = random.Random(SEED)
    model = SentenceTransformer(str(bundled_model()))
    model.max_seq_length = _WINDOW
    encoder: Any = model[0]
    learn_layers_only(encoder.auto_model)
    quicken(model, encoder.auto_model)
    batches = [batch for _ in range(PASSES) for batch in draw_batches(policies, rng)]
    texts = [text for batch in batches for text in batch]
    with tempfile.TemporaryDirectory() as scratch:
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                learning_rate=LEARNING_RATE,
                batch_sampler=lambda *_, **__: _AsDrawn([len(batch) for batch in batches]),
                **TRAINER,
            ),
            train_dataset=Dataset.from_list([{"text": text.words, "label": n} for n, text in enumerate(texts)]),
            loss=AnswerInfoNCE(model, texts),
        ).train()
    return model


class _AsDrawn(DefaultBatchSampler):
    """The rows of a data set in their order, in batches of these sizes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(SequentialSampler(range(sum(sizes))), batch_size=1, drop_last=False)
        self.sizes = sizes

    def __iter__(self) -> Iterator[list[int]]:
        rows = iter(self.sampler)
        return (list(islice(rows, size)) for size in self.sizes)

    def __len__(self) -> int:
        return len(self.sizes)


class AnswerInfoNCE(torch.nn.Module):
    """InfoNCE of each question over the clauses of its policy in the batch, and silence. A label is a text's number.

    What is not known to be right or wrong for a question is left out.
    """

    def __init__(self, model: SentenceTransformer, texts: Sequence[Text]) -> None:
        super().__init__()
        self.model, self.texts = model, texts

    def forward(self, columns: Sequence[dict[str, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        vectors = torch.nn.functional.normalize(read_in_parts(self.model, columns[0], "sentence_embedding", _AREA))
        batch = [self.texts[int(n)] for n in labels]
        questions = [n for n, text in enumerate(batch) if text.question]
        clauses = [n for n, text in enumerate(batch) if not text.question]
        known = [[batch[m].answers(batch[n]) for m in clauses] for n in questions]
        right = torch.tensor([[answers is True for answers in of] for of in known], device=vectors.device)
        wrong = torch.tensor([[answers is False for answers in of] for of in known], device=vectors.device)
        cosines = vectors[questions] @ vectors[clauses].T
        return answer_loss(cosines / TEMPERATURE, right, wrong, SILENCE / TEMPERATURE, silent=_SILENT)

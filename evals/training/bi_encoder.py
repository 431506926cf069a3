"""Tunes the embedding model, by which clauses are found.

The loss is InfoNCE (van den Oord et al., arXiv 1807.03748): a question is drawn to a clause that answers
it, and away from a near one that does not and from the other clauses of its batch. The labels say
which of those answer it as well; they are left out.
"""

import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

from bot.models import bundled_model, load_embedding_model
from bot.settings import BUNDLED_MODEL
from evals.training.adapters import learn_layers_only
from evals.training.data import Question, TrainingPolicy
from evals.training.examples import asked, nearest_clauses, nearness, shown
from evals.training.settings import SEED, TRAINER

BATCH = 64
TEMPERATURE = 0.05
PASSES = 2
"""So many times each question is learnt from, each time with another of its right clauses and of the near ones."""
_WINDOW = 96
"""Word pieces of a clause that are read in training."""


@dataclass(frozen=True)
class Example:
    """An answered question, with a clause that answers it and a near one that does not.

    The clauses are indices of the policy's; the near one is None where the variant of the right one stands for it.
    """

    policy: TrainingPolicy
    question: Question
    right: int
    near: int | None

    def counts(self, policy: TrainingPolicy, clause: int | None) -> bool:
        """Whether the clause is known not to answer the question."""
        if policy is not self.policy or clause is None:
            return False
        return clause not in self.question.answers and clause not in self.question.doubtful


def train_bi_encoder(policies: Sequence[TrainingPolicy]) -> SentenceTransformer:
    """The bundled model, as the policies have taught it."""
    set_seed(SEED)
    rng = random.Random(SEED)
    model = SentenceTransformer(str(bundled_model()), device="cpu")
    model.max_seq_length = _WINDOW
    encoder: Any = model[0]
    learn_layers_only(encoder.auto_model)
    examples = _in_batches([example for policy in policies for example in _examples(policy, rng)], rng)
    with tempfile.TemporaryDirectory() as scratch:
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                per_device_train_batch_size=BATCH,
                batch_sampler=lambda dataset, **options: DefaultBatchSampler(SequentialSampler(dataset), **options),
                **TRAINER,
            ),
            train_dataset=Dataset.from_list([_shown(n, example, rng) for n, example in enumerate(examples)]),
            loss=AnswerInfoNCE(model, examples),
        ).train()
    return model


class AnswerInfoNCE(torch.nn.Module):
    """InfoNCE over the clauses of a batch that are known not to answer; a label is the number of an example."""

    def __init__(self, model: SentenceTransformer, examples: Sequence[Example]) -> None:
        super().__init__()
        self.model, self.examples = model, examples

    def forward(self, columns: Iterable[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
        question, right, near = (
            torch.nn.functional.normalize(self.model(column)["sentence_embedding"].float()) for column in columns
        )
        batch = [self.examples[int(n)] for n in labels]
        clauses = [(e.policy, e.right) for e in batch] + [(e.policy, e.near) for e in batch]
        counts = torch.tensor(
            [
                [m % len(batch) == n or example.counts(policy, clause) for m, (policy, clause) in enumerate(clauses)]
                for n, example in enumerate(batch)
            ]
        )
        cosines = question @ torch.cat([right, near]).T
        logits = (cosines / TEMPERATURE).masked_fill(~counts, float("-inf"))
        return torch.nn.functional.cross_entropy(logits, torch.arange(len(batch)))


def _examples(policy: TrainingPolicy, rng: random.Random) -> list[Example]:
    examples = []
    for question, wrong in nearest_clauses(policy, load_embedding_model(BUNDLED_MODEL)):
        for _ in range(PASSES if question.answers else 0):
            right, near = rng.choice(question.answers), rng.choice(wrong[: nearness(policy)])
            examples.append(Example(policy, question, right, None if right in policy.variants else near))
    rng.shuffle(examples)
    return examples


def _in_batches(examples: list[Example], rng: random.Random) -> list[Example]:
    """The examples with those of a policy together, so that a batch holds clauses to tell apart; whole batches only."""
    batches = [examples[at : at + BATCH] for at in range(0, len(examples) - BATCH + 1, BATCH)]
    rng.shuffle(batches)
    return [example for batch in batches for example in batch]


def _shown(number: int, example: Example, rng: random.Random) -> dict[str, str | int]:
    policy, right, near = example.policy, example.right, example.near
    return {
        "question": asked(example.question.text, rng),
        "clause": shown(policy.clauses[right], rng),
        "near": shown(policy.variants[right] if near is None else policy.clauses[near], rng),
        "label": number,
    }

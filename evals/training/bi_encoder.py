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

from bot.models import EmbeddingModel, bundled_model
from evals.training.adapters import learn_layers_only
from evals.training.data import Question, TrainingPolicy
from evals.training.examples import asked, in_company, nearest_clauses, nearness, shown, without_title
from evals.training.settings import SEED, TRAINER

BATCH = 64
TEMPERATURE = 0.05
SITTINGS = 2, 1, 1
"""So many times each question is learnt from in a sitting, each time with another of its right clauses and of the near
ones, as the model so far finds them. The learning rate falls to nothing in each."""
_WINDOW = 96
"""Word pieces of a clause that are read in training."""


@dataclass(frozen=True)
class Example:
    """An answered question, with clauses that answer it and near ones that do not.

    They are indices of the policy's, mostly of one clause alone. A variant of the right one stands for near ones.
    """

    policy: TrainingPolicy
    question: Question
    right: tuple[int, ...]
    near: tuple[int, ...]
    variant: str | None

    def counts(self, policy: TrainingPolicy, clauses: tuple[int, ...]) -> bool:
        """Whether the clauses are known not to answer the question."""
        if policy is not self.policy or not clauses:
            return False
        return not any(n in self.question.answers or n in self.question.doubtful for n in clauses)


def train_bi_encoder(policies: Sequence[TrainingPolicy]) -> SentenceTransformer:
    """The bundled model, as the policies have taught it."""
    set_seed(SEED)
    rng = random.Random(SEED)
    model = SentenceTransformer(str(bundled_model()), device="cpu")
    model.max_seq_length = _WINDOW
    encoder: Any = model[0]
    learn_layers_only(encoder.auto_model)
    for passes in SITTINGS:
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder)
            embedding = EmbeddingModel(folder)
            drawn = [example for policy in policies for example in _examples(policy, embedding, passes, rng)]
        _sit(model, _in_batches(drawn, rng), rng)
    return model


def _sit(model: SentenceTransformer, examples: Sequence[Example], rng: random.Random) -> None:
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


def _examples(policy: TrainingPolicy, embedding: EmbeddingModel, passes: int, rng: random.Random) -> list[Example]:
    """The answered questions with right and wrong clauses, for all passes of a sitting."""
    examples = []
    for question, wrong in nearest_clauses(policy, embedding):
        barred = {*question.answers, *question.doubtful}
        for _ in range(passes if question.answers else 0):
            right, near = rng.choice(question.answers), rng.choice(wrong[: nearness(policy)])
            variant = policy.variants.get(right)
            near_ones = () if variant else in_company(policy, near, barred, rng)
            examples.append(Example(policy, question, in_company(policy, right, (), rng), near_ones, variant))
    rng.shuffle(examples)
    return examples


def _in_batches(examples: list[Example], rng: random.Random) -> list[Example]:
    """The examples with those of a policy together, so that a batch holds clauses to tell apart; whole batches only."""
    batches = [examples[at : at + BATCH] for at in range(0, len(examples) - BATCH + 1, BATCH)]
    rng.shuffle(batches)
    return [example for batch in batches for example in batch]


def _shown(number: int, example: Example, rng: random.Random) -> dict[str, str | int]:
    policy, variant = example.policy, example.variant
    return {
        "question": asked(example.question.text, rng),
        "clause": shown(policy, example.right, rng),
        "near": without_title(variant, rng) if variant else shown(policy, example.near, rng),
        "label": number,
    }

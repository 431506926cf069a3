"""Tunes the cross-encoder, which reads a question and a clause together and says whether the one answers the other.

It starts from the tuned embedding model, with a head whose score starts as a cosine.
"""

import random
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.util import batch_to_device
from transformers import set_seed

from bot.cross_encoder import untaught_cross_encoder
from bot.models import ADAPTER, apply_adapter, load_embedding_model
from bot.retrieval import READ
from bot.settings import TUNED_MODEL
from evals.training.adapters import learn_layers_only
from evals.training.data import Question, TrainingPolicy
from evals.training.examples import asked, in_company, nearest_clauses, nearness, shown, with_variant
from evals.training.trainer import SEED, TRAINER, quicken, read_in_parts

QUESTIONS_A_BATCH = 12
LEARNING_RATE = 1e-4
_WINDOW = 112
"""Word pieces of a question and a clause together that are read in training."""
SITTINGS = 2, 1, 1, 1, 1, 1, 1, 1
"""So many times each question is learnt from in a sitting, each time with another of its right clauses and other wrong
ones. The learning rate falls to nothing in each. All but the first go half of the way only, as the slow weights of
Zhang et al., arXiv 1907.08610."""
_MINED_FROM = 6
"""From this sitting on, a question stands with those of the nearest clauses that the model most takes for an answer, as
Xiong et al., arXiv 2007.00808: most of the others it has learnt to tell by then."""
_NEAR, _FAR = 3, 1
"""So many of the nearest clauses that do not answer, and so many of those further off, stand with a question; one of
the nearest where a variant does."""
_FURTHER = 10
"""So many times as many as are near come into question at all: the others are never found for it."""
_RANKING = 0.3
"""How much putting the right clause first counts, against knowing a right clause from a wrong one."""


def train_cross_encoder(policies: Sequence[TrainingPolicy]) -> CrossEncoder:
    """The tuned embedding model as a cross-encoder, as the policies have taught it."""
    set_seed(SEED)
    rng = random.Random(SEED)
    model = untaught_cross_encoder()
    model.max_seq_length = _WINDOW
    encoder: Any = model[0]
    apply_adapter(encoder, ADAPTER)
    learn_layers_only(encoder.auto_model)
    quicken(model, encoder.auto_model)
    taught = [weight for weight in encoder.auto_model.parameters() if weight.requires_grad]
    for sitting, passes in enumerate(SITTINGS):
        before = [weight.detach().clone() for weight in taught]
        reader = model if sitting >= _MINED_FROM else None
        _sit(model, _examples(policies, passes, rng, reader))
        if sitting:
            with torch.no_grad():
                for weight, value in zip(taught, before, strict=True):
                    weight.lerp_(value, 0.5)
    return model


def _sit(model: CrossEncoder, examples: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        CrossEncoderTrainer(
            model=model,
            args=CrossEncoderTrainingArguments(
                output_dir=scratch,
                learning_rate=LEARNING_RATE,
                per_device_train_batch_size=QUESTIONS_A_BATCH,
                **TRAINER,
            ),
            train_dataset=Dataset.from_list(examples),
            loss=AnswerLoss(model),
        ).train()


class AnswerLoss(torch.nn.Module):
    """Binary cross-entropy of each pair, and for an answered question the cross-entropy of its clauses.

    The first makes a score mean the same for every question, which the decision needs; the second puts
    the right clause first. Inputs are questions and their lists of clauses; the labels are 1
    where the clause answers, which at most one of a list does.
    """

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: list[Any], labels: list[torch.Tensor], **_: Any) -> torch.Tensor:
        questions, clauses = inputs
        pairs = [(question, clause) for question, of in zip(questions, clauses, strict=True) for clause in of]
        features = batch_to_device(self.model.preprocess(pairs), self.model.device)
        logits = read_in_parts(self.model, features, "scores").view(-1)
        truth = torch.cat([torch.as_tensor(of) for of in labels]).to(logits)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        sizes = [len(of) for of in clauses]
        ranked = [
            -of.log_softmax(0)[right.argmax()]
            for of, right in zip(torch.split(logits, sizes), torch.split(truth, sizes), strict=True)
            if right.any()
        ]
        return loss + _RANKING * torch.stack(ranked).mean() if ranked else loss


def _examples(
    policies: Sequence[TrainingPolicy], passes: int, rng: random.Random, reader: CrossEncoder | None
) -> list[dict[str, Any]]:
    """Questions, each with some clauses and whether they answer it, for all passes of a sitting.

    Without a reader the wrong clauses are any of the nearest, with it those that it most takes for an answer.
    """
    embedding = load_embedding_model(TUNED_MODEL)
    examples: list[dict[str, Any]] = []
    for policy in policies:
        ordered = nearest_clauses(policy, embedding)
        if reader:
            ordered = _hardest_first(policy, list(ordered), reader)
        for question, order in ordered:
            barred = {*question.answers, *question.doubtful}
            for _ in range(passes):
                pairs, near, far = [], _NEAR, _FAR
                if question.answers:
                    right = rng.choice(question.answers)
                    pairs.append((shown(policy, in_company(policy, right, (), rng), rng), 1.0))
                    if right in policy.variants:  # the nearest of the wrong ones
                        twin, near, far = with_variant(policy, right), 1, 0
                        pairs.append((shown(twin, in_company(twin, right, barred, rng), rng), 0.0))
                for n in _wrong(order, near if reader else nearness(policy), near, far, rng):
                    pairs.append((shown(policy, in_company(policy, n, barred, rng), rng), 0.0))
                examples.append(
                    {
                        "question": asked(question.text, rng),
                        "clauses": [text for text, _ in pairs],
                        "labels": [label for _, label in pairs],
                    }
                )
    return examples


def _hardest_first(
    policy: TrainingPolicy, ordered: Sequence[tuple[Question, list[int]]], reader: CrossEncoder
) -> Iterator[tuple[Question, list[int]]]:
    """The questions with their clauses, of the nearest those first that the reader most takes for an answer.

    Where something answers, what scores above it is left out: it may well answer, too.
    """
    read = [(question, (*question.answers[:READ], *order[:READ])) for question, order in ordered]
    pairs = [(question.text, policy.clauses[n]) for question, clauses in read for n in clauses]
    with torch.autocast("cpu", torch.bfloat16):
        scores = iter(reader.predict(pairs, batch_size=64, show_progress_bar=False).reshape(-1))
    for question, order in ordered:
        best = max((next(scores) for _ in question.answers[:READ]), default=float("inf"))
        scored = sorted(((next(scores), n) for n in order[:READ]), reverse=True)
        yield question, [n for score, n in scored if score < best] + order[READ:]


def _wrong(order: list[int], nearest: int, near: int, far: int, rng: random.Random) -> Iterator[int]:
    """Some clauses that do not answer, given all of them, the nearest first."""
    for group, n in ((order[:nearest], near), (order[nearest : nearest * _FURTHER], far)):
        yield from rng.sample(group, min(n, len(group)))

"""Tunes the cross-encoder, which reads a question and a clause together and says whether the one answers the other.

It starts from the tuned embedding model, with a head whose score starts as a cosine, and learns from the clauses that
this finds. The loss is that of the embedding model.
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
from torch.nn.utils.rnn import pad_sequence
from transformers import set_seed

from bot.cross_encoder import untaught_cross_encoder
from bot.models import ADAPTER, apply_adapter, load_embedding_model
from bot.settings import TUNED_MODEL
from evals.training.adapters import learn_layers_only
from evals.training.data import TrainingPolicy
from evals.training.examples import asked, draw_pairs, nearest_clauses
from evals.training.trainer import SEED, TRAINER, MasterAdamW, answer_loss, quicken, read_in_parts

QUESTIONS_A_BATCH = 32
_ALL, _AGAIN = (4, 2e-4), (3, 1e-4)
"""With how many clauses a question is read, and the learning rate, which falls to nothing: at first, and once more."""
_WINDOW = 112
"""Word pieces of a question and a clause together that are read in training."""
_AREA = 2048
"""Word pieces that are read at a time."""
_WITHOUT = 0.5
"""How much a question counts as one on which the policy is silent when the clause that answers it is taken away."""


def train_cross_encoder(policies: Sequence[TrainingPolicy], again: Sequence[TrainingPolicy]) -> CrossEncoder:
    """The tuned embedding model as a cross-encoder, as the policies have taught it, and some of them once more."""
    set_seed(SEED)
    model = untaught_cross_encoder()
    model.max_seq_length = _WINDOW
    encoder: Any = model[0]
    apply_adapter(encoder, ADAPTER)
    learn_layers_only(encoder.auto_model)
    quicken(model, encoder.auto_model)
    _teach(model, policies, *_ALL, SEED)
    _teach(model, again, *_AGAIN, SEED + 1)
    return model


class AnswerOrSilence(torch.nn.Module):
    """Cross-entropy of each question over its clauses and silence.

    Inputs are questions and their lists of clauses; the labels are 1 where the clause answers.
    """

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: list[Any], labels: list[Any], **_: Any) -> torch.Tensor:
        questions, clauses = inputs
        pairs = [(question, clause) for question, of in zip(questions, clauses, strict=True) for clause in of]
        features = batch_to_device(self.model.preprocess(pairs), self.model.device)
        logits = read_in_parts(self.model, features, "scores", _AREA).view(-1)
        truth = [torch.as_tensor(of, device=logits.device) for of in labels]
        known = pad_sequence(truth, batch_first=True, padding_value=-1.0)
        padded = pad_sequence(list(torch.split(logits, [len(of) for of in clauses])), batch_first=True)
        return answer_loss(padded, known == 1, known == 0, silence=0.0, without=_WITHOUT)


def _teach(
    model: CrossEncoder, policies: Sequence[TrainingPolicy], clauses: int, learning_rate: float, seed: int
) -> None:
    """Let the model learn once from each question, read with so many clauses."""
    encoder: Any = model[0]
    taught = [weight for weight in encoder.auto_model.parameters() if weight.requires_grad]
    optimizer = MasterAdamW(taught, lr=learning_rate, weight_decay=TRAINER["weight_decay"])
    without_schedule: Any = (optimizer, None)  # the trainer makes its own
    encoder.auto_model.bfloat16()
    examples = list(_examples(policies, clauses, random.Random(seed)))
    with tempfile.TemporaryDirectory() as scratch:
        CrossEncoderTrainer(
            model=model,
            args=CrossEncoderTrainingArguments(
                output_dir=scratch,
                learning_rate=learning_rate,
                per_device_train_batch_size=QUESTIONS_A_BATCH,
                **{**TRAINER, "bf16": False, "seed": seed},  # what learns is in half precision already
            ),
            train_dataset=Dataset.from_list(examples),
            loss=AnswerOrSilence(model),
            optimizers=without_schedule,
        ).train()
    encoder.auto_model.float()
    optimizer.restore()


def _examples(policies: Sequence[TrainingPolicy], clauses: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Each question with some clauses and whether they answer it."""
    embedding = load_embedding_model(TUNED_MODEL)
    for policy, question, order in nearest_clauses(policies, embedding):
        pairs = list(draw_pairs(policy, question, order, clauses, rng))
        yield {
            "question": asked(question.text, rng),
            "clauses": [text for text, _ in pairs],
            "labels": [label for _, label in pairs],
        }

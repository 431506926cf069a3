"""Tunes the embedding model and fits the judge: python -m evals.training.train.

What is learnt is a LoRA adapter (Hu et al., arXiv 2106.09685) of a few MB on the bundled
all-MiniLM-L6-v2. Two losses take turns. GISTEmbedLoss (Solatorio, arXiv 2402.16829) draws a
question to the clause that answers it and away from its neighbours in the policy; the untuned
model guides it, so that another policy's clause that says the same is not pushed away.
CoSENTLoss (Su, 2022) puts every answered pair above every pair of a silent question and the
clause nearest to it: that is what lets a score tell "answered" from "the policy is silent".
"""

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from peft import LoraConfig
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.losses import CoSENTLoss, GISTEmbedLoss
from transformers import set_seed

from bot.models import ADAPTER, bundled_model, load_embedding_model
from bot.settings import BUNDLED_MODEL
from evals.training.data import Question, TrainingPolicy, read_judged_policies, read_training_policies
from evals.training.judging import collect, store_fit

SEED = 20261123
EPOCHS = 3
BATCH = 32
LEARNING_RATE = 5e-4
RANK = 16
_NEAREST = 3
"""A negative is drawn from so many clauses that the untuned model finds nearest."""
_WITHOUT_TITLE = 0.3
"""Share of clauses shown without what stands above them, as in a policy without headings."""

Example = dict[str, str | float]


def main() -> None:
    """Train the adapter on all policies, and fit the judge on policies that its model has not seen."""
    always, judged = read_training_policies(), read_judged_policies()
    with tempfile.TemporaryDirectory() as folder:
        _store(train([*always, *judged[1::2]]), Path(folder))
        rows = collect(judged[::2], load_embedding_model(folder))
    _store(train([*always, *judged]), ADAPTER)
    store_fit(rows)


def train(policies: list[TrainingPolicy]) -> SentenceTransformer:
    """The bundled model with an adapter that the policies have taught it."""
    set_seed(SEED)
    untuned = SentenceTransformer(str(bundled_model()), device="cpu")
    model = SentenceTransformer(str(bundled_model()), device="cpu")
    model.add_adapter(
        LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.05, target_modules=["query", "key", "value", "dense"])
    )
    ranking, silence = _examples(policies, untuned, random.Random(SEED))
    with tempfile.TemporaryDirectory() as scratch:
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=1,  # every epoch has examples of its own
                per_device_train_batch_size=BATCH,
                learning_rate=LEARNING_RATE,
                warmup_steps=0.1,  # of all
                weight_decay=0.01,
                seed=SEED,
                save_strategy="no",
                logging_steps=20,
                report_to="none",
                use_cpu=True,
            ),
            train_dataset={"ranking": Dataset.from_list(ranking), "silence": Dataset.from_list(silence)},
            loss={"ranking": GISTEmbedLoss(model, untuned, temperature=0.05), "silence": CoSENTLoss(model)},
        ).train()
    return model


def _store(model: SentenceTransformer, folder: Path) -> None:
    encoder: Any = model[0]
    encoder.auto_model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = BUNDLED_MODEL  # and not where it lay on this machine
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _examples(
    policies: list[TrainingPolicy], untuned: SentenceTransformer, rng: random.Random
) -> tuple[list[Example], list[Example]]:
    """Triples of question, clause and near clause; and pairs of which 1 is an answer and 0 is none."""
    triples: list[Example] = []
    pairs: list[Example] = []
    for _ in range(EPOCHS):
        for policy in policies:
            for question, nearest in _with_nearest(policy, untuned):
                text, near = _asked(question.text, rng), _shown(policy.clauses[rng.choice(nearest)], rng)
                if not question.answers:
                    pairs.append({"question": text, "clause": near, "label": 0.0})
                    continue
                clause = _shown(policy.clauses[rng.choice(question.answers)], rng)
                triples.append({"question": text, "clause": clause, "near": near})
                if rng.random() < 0.6:
                    pairs.append({"question": text, "clause": clause, "label": 1.0})
        for text in (text for policy in policies for text in policy.off_topic):
            clause = _shown(rng.choice(rng.choice(policies).clauses), rng)
            pairs.append({"question": text, "clause": clause, "label": 0.0})
    rng.shuffle(triples)
    rng.shuffle(pairs)
    return triples, pairs


def _with_nearest(policy: TrainingPolicy, untuned: SentenceTransformer) -> Iterator[tuple[Question, list[int]]]:
    """Each question with the nearest clauses that do not answer it."""
    clauses = untuned.encode(policy.clauses, normalize_embeddings=True, show_progress_bar=False)
    questions = untuned.encode([q.text for q in policy.questions], normalize_embeddings=True, show_progress_bar=False)
    for question, cosines in zip(policy.questions, questions @ clauses.T, strict=True):
        order = [int(n) for n in np.argsort(-cosines) if n not in question.answers]
        yield question, order[:_NEAREST]


def _asked(question: str, rng: random.Random) -> str:
    """The question as it may be typed in haste."""
    text = question.lower() if rng.random() < 0.3 else question
    return text.rstrip("?.! ") or text if rng.random() < 0.3 else text


def _shown(clause: str, rng: random.Random) -> str:
    return clause.split("\n", 1)[1] if "\n" in clause and rng.random() < _WITHOUT_TITLE else clause


if __name__ == "__main__":
    main()

"""Fits the judge on questions to policies that its model has not seen.

Each policy is left out once, and judged by weights fitted on the others; figures and thresholds
come from those judgements. The weights that are stored are then fitted on all of them.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bot.chain import PolicyBot
from bot.judge import WEIGHTS, judge_features
from bot.models import EmbeddingModel
from bot.settings import load_settings
from evals.training.data import TrainingPolicy

Array = np.ndarray[Any, np.dtype[Any]]
Row = tuple[Array, Array, str, str]


def collect(policies: Sequence[TrainingPolicy], model: EmbeddingModel) -> list[Row]:
    """What the judge is to learn from: both kinds of features, outcome and policy of every question."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for n, policy in enumerate(policies):
            (corpus / f"{n}.md").write_text(policy.text, encoding="utf-8")
        settings = load_settings(corpus, Path(folder) / "data")
        bot = PolicyBot(settings.model_copy(update={"embedding_model": model.name, "llm": ""}))
        bot.sync()
        for n, policy in enumerate(policies):
            for question, outcome in _outcomes(policy):
                passages = bot.search(question, policy=str(n))
                rows.append((*judge_features(model, question, passages), outcome, policy.name))
    return rows


def _outcomes(policy: TrainingPolicy) -> Iterator[tuple[str, str]]:
    yield from ((question.text, "answered" if question.answers else "not_in_policy") for question in policy.questions)
    yield from ((question, "off_topic") for question in policy.off_topic)


def store_fit(rows: list[Row]) -> None:
    """Fit the judge, store it where the bot loads it from, and print the figures."""
    near, near_and_question, outcomes, policies = (np.array(column) for column in zip(*rows, strict=True))
    everything = np.ones(len(outcomes), bool)
    on_topic = _fit(near_and_question, outcomes != "off_topic", everything, policies, strength=1.0)
    privacy = outcomes != "off_topic"
    answerable = _fit(near, outcomes == "answered", privacy, policies, strength=0.1)
    WEIGHTS.write_text(json.dumps({"on_topic": on_topic, "answerable": answerable}, indent=1) + "\n", encoding="utf-8")
    for name, fit in (("on_topic", on_topic), ("answerable", answerable)):
        print(name, {key: value for key, value in fit.items() if key != "weights"})


def _fit(features: Array, target: Array, eligible: Array, policies: Array, strength: float) -> dict[str, Any]:
    """Weights from all eligible rows; AUROC and threshold from leaving each policy out."""

    def fitted(rows: Array) -> LogisticRegression:
        model = LogisticRegression(C=strength, max_iter=5000, class_weight="balanced")
        return model.fit(features[rows], target[rows])

    held_out = np.zeros(len(target))
    for policy in np.unique(policies):
        model = fitted(eligible & (policies != policy))
        held_out[policies == policy] = model.predict_proba(features[policies == policy])[:, 1]
    scores, truth = held_out[eligible], target[eligible]
    thresholds = np.linspace(0.05, 0.95, 181)
    recalls = [((scores[truth] >= t).mean(), (scores[~truth] < t).mean()) for t in thresholds]
    best = int(np.argmax([sum(pair) for pair in recalls]))
    final = fitted(eligible)
    return {
        "auroc": round(float(roc_auc_score(truth, scores)), 3),
        "recall_yes": round(float(recalls[best][0]), 3),
        "recall_no": round(float(recalls[best][1]), 3),
        "threshold": round(float(thresholds[best]), 3),
        "bias": round(float(final.intercept_[0]), 5),
        "weights": [round(float(weight), 5) for weight in final.coef_[0]],
    }

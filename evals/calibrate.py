"""Fits the judge on questions to fictional policies (evals/calibration): python -m evals.calibrate.

Each policy is left out once, and judged by weights fitted on the others; figures and thresholds
come from those judgements. The weights that are stored are then fitted on all of them.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bot.chain import PolicyBot
from bot.conversation import condense
from bot.judge import WEIGHTS, judge_features
from bot.models import load_embedding_model
from bot.settings import BUNDLED_MODEL

CALIBRATION = Path(__file__).with_name("calibration")
Array = np.ndarray[Any, np.dtype[Any]]


def main() -> None:
    features, outcomes, policies = _collect()
    on_topic = _fit(features, outcomes != "off_topic", outcomes != "unclear", policies, strength=0.3)
    answerable = _fit(
        features, outcomes == "answered", np.isin(outcomes, ["answered", "not_in_policy"]), policies, strength=0.1
    )
    WEIGHTS.write_text(json.dumps({"on_topic": on_topic, "answerable": answerable}, indent=1) + "\n", encoding="utf-8")
    for name, fit in (("on_topic", on_topic), ("answerable", answerable)):
        print(name, {key: value for key, value in fit.items() if key != "weights"})


def _collect() -> tuple[Array, Array, Array]:
    """Features, outcomes and policy of every question, one row each."""
    model = load_embedding_model(BUNDLED_MODEL)
    rows: list[tuple[Array, str, str]] = []
    with tempfile.TemporaryDirectory() as data:
        bot = PolicyBot.open(corpus=CALIBRATION, data=data)
        for path in sorted(CALIBRATION.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                case = json.loads(line)
                query = condense(case["question"], [HumanMessage(turn) for turn in case["history"]])
                passages = bot.search(query, policy=path.stem)
                rows.append((judge_features(model, query, passages), case["outcome"], path.stem))
    features, outcomes, policies = zip(*rows, strict=True)
    return np.array(features), np.array(outcomes), np.array(policies)


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


if __name__ == "__main__":
    main()

"""What the models' scores mean: logistic regressions, which `make train` fits and stores in calibration.json.

`relevance`: does a clause answer the question? `answerable`: does the policy? `on_topic`: is it about privacy at all?
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from bot.models import Vector

CALIBRATION = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True)
class LogisticRegression:
    """p(x) = 1 / (1 + exp(-(weights . x + bias))), and the threshold from which p means yes."""

    weights: Vector = field(compare=False)
    bias: float
    threshold: float

    def probability(self, features: Vector) -> float:
        """The probability for one vector of features."""
        return float(1 / (1 + np.exp(-(self.weights @ features + self.bias))))


@cache
def load_fit(name: str) -> LogisticRegression:
    """The fit of that name, loaded once in a process."""
    fit = json.loads(CALIBRATION.read_text(encoding="utf-8"))[name]
    return LogisticRegression(np.array(fit["weights"], np.float32), fit["bias"], fit["threshold"])

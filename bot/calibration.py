"""What the models' scores mean: classifiers that `make train` fits, and stores beside this file.

`relevance`: does a clause answer the question? `passage`: does a passage? `answerable`: does the policy?
`on_topic`: is it about privacy at all?
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from bot.models import Matrix, Vector

CALIBRATION = Path(__file__).with_name("calibration.json")
ON_TOPIC = Path(__file__).with_name("on_topic.npz")


@dataclass(frozen=True)
class LogisticRegression:
    """p(x) = 1 / (1 + exp(-(weights . x + bias))), and from where on p means yes, and a yes without reserve: `sure`."""

    weights: Vector = field(compare=False)
    bias: float
    threshold: float
    sure: float

    def probability(self, features: Vector) -> float:
        """The probability for one vector of features."""
        return float(1 / (1 + np.exp(-(self.weights @ features + self.bias))))


@dataclass(frozen=True, eq=False)
class SupportVectorMachine:
    """p(x) = 1 / (1 + exp(-f(x))) with f(x) = bias + sum of coefficient_i exp(-gamma |z - z_i|^2), and the threshold.

    z is x on its principal components, z_i are the support vectors (Cortes and Vapnik, Machine Learning 20, 1995), and
    the coefficients are scaled so that f is a log-odds (Platt, Advances in Large Margin Classifiers, 1999).
    """

    mean: Vector
    components: Matrix
    vectors: Matrix
    coefficients: Vector
    gamma: float
    bias: float
    threshold: float

    def probability(self, features: Vector) -> float:
        """The probability for one vector of features."""
        distances = ((self.vectors - self.components @ (features - self.mean)) ** 2).sum(1)
        return float(1 / (1 + np.exp(-(np.exp(-self.gamma * distances) @ self.coefficients + self.bias))))


def log_odds(probability: float) -> float:
    """The log-odds of a probability, which is taken to be no nearer to 0 or 1 than a thousandth."""
    clipped = min(max(probability, 1e-3), 1 - 1e-3)
    return float(np.log(clipped / (1 - clipped)))


@cache
def load_fit(name: str) -> LogisticRegression:
    """The logistic regression of that name, loaded once in a process."""
    fit = json.loads(CALIBRATION.read_text(encoding="utf-8"))[name]
    return LogisticRegression(np.array(fit["weights"], np.float32), fit["bias"], fit["threshold"], fit["sure"])


@cache
def load_on_topic() -> SupportVectorMachine:
    """The machine that tells what is about privacy, loaded once in a process."""
    with np.load(ON_TOPIC) as stored:
        array = {name: stored[name].astype(np.float32) for name in stored.files}
    return SupportVectorMachine(
        mean=array["mean"],
        components=array["components"],
        vectors=array["vectors"] * array["unit"],
        coefficients=array["coefficients"],
        gamma=float(array["gamma"]),
        bias=float(array["bias"]),
        threshold=float(array["threshold"]),
    )

"""The classifiers that say what scores mean: what is stored is what was fitted."""

from pathlib import Path

import numpy as np
import pytest

from bot import calibration
from evals.training import judging


def test_the_stored_machine_tells_a_ring_from_what_is_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "ON_TOPIC", tmp_path / "on_topic.npz")
    monkeypatch.setattr(calibration, "ON_TOPIC", tmp_path / "on_topic.npz")
    rng = np.random.default_rng(1)
    ring = rng.random(600) < 0.5
    angle, radius = rng.uniform(0, 2 * np.pi, 600), np.where(ring, 1.0, 0.3) + rng.normal(0, 0.05, 600)
    features = rng.normal(0, 0.01, (600, 200))
    features[:, 0] += radius * np.cos(angle)
    features[:, 1] += radius * np.sin(angle)
    try:
        figures = judging._fit_on_topic(features, ring, rng.choice(["a", "b", "c"], 600))
        machine = calibration.load_on_topic()
        said = np.array([machine.probability(row.astype(np.float32)) >= machine.threshold for row in features])
    finally:
        calibration.load_on_topic.cache_clear()
    assert figures["auroc"] > 0.99
    assert figures["recall_yes"] == pytest.approx(judging._KEPT_ON_TOPIC, abs=0.01)  # as many as are to be kept
    assert said[ring].mean() > 0.93
    assert said[~ring].mean() < 0.02

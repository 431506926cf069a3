"""The training data, and what it has taught the model."""

from pathlib import Path

import pytest

from bot.models import ADAPTER, load_embedding_model
from bot.settings import BUNDLED_MODEL, TUNED_MODEL
from evals.training.data import (
    TrainingDataError,
    TrainingPolicy,
    read_judged_policies,
    read_policies,
    read_training_policies,
)
from evals.training.validate import find_leaks, find_problems


@pytest.fixture(scope="module")
def policies() -> list[TrainingPolicy]:
    return [*read_training_policies(), *read_judged_policies()]


def test_data_is_sound(policies: list[TrainingPolicy]) -> None:
    assert list(find_problems(policies)) == []
    assert len(policies) >= 60


def test_data_shares_nothing_with_what_the_bot_is_measured_on(policies: list[TrainingPolicy]) -> None:
    assert list(find_leaks(policies, None)) == []


def test_leak_is_found(policies: list[TrainingPolicy]) -> None:
    leaked = TrainingPolicy("Leaky", ["We do not use private Customer Content to train foundation models unless you explicitly opt in or a separate written agreement says otherwise."])  # fmt: skip
    assert len(list(find_leaks([leaked], None))) == 1


@pytest.mark.parametrize(
    "text", ["? question before any clause", "@ Acme\n? no clause yet", "@ Acme\n% odd", "@ Acme\n="]
)
def test_line_that_means_nothing_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingDataError, match=r"odd\.txt, line \d"):
        list(read_policies(path))


def test_tuned_model_is_another_than_the_untuned_and_both_can_be_chosen() -> None:
    tuned, untuned = load_embedding_model(TUNED_MODEL), load_embedding_model(BUNDLED_MODEL)
    assert tuned.fingerprint != untuned.fingerprint
    assert tuned.embed_query("who gets my data?") != pytest.approx(untuned.embed_query("who gets my data?"))


def test_adapter_is_small() -> None:
    assert sum(path.stat().st_size for path in ADAPTER.iterdir()) < 5_000_000

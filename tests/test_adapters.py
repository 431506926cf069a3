"""What a training has taught a model, and the adapter that it is stored as."""

from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers.base.modules import Transformer

from bot.models import apply_adapter, bundled_model
from evals.training.adapters import store_adapter

LAYER = "encoder.layer.3.output.dense.weight"


def encoder() -> Any:
    return Transformer(str(bundled_model()))


def weight(transformer: Any) -> torch.Tensor:
    return dict(transformer.auto_model.named_parameters())[LAYER].detach()


@pytest.mark.parametrize("rank", [4, 64])  # what is learnt below has rank 4: neither loses any of it
def test_a_stored_adapter_gives_back_what_was_learnt(rank: int, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    tuned, restored = encoder(), encoder()
    untuned = weight(tuned).clone()
    rows, columns = untuned.shape
    learnt = torch.randn(rows, 4, generator=generator) @ torch.randn(4, columns, generator=generator) * 0.01
    weight(tuned).add_(learnt)
    assert store_adapter(encoder().auto_model, tuned.auto_model, rank, tmp_path) < 1e-6
    apply_adapter(restored, tmp_path)
    error = (weight(restored) - untuned - learnt).norm() / learnt.norm()
    assert error < 0.05  # eight bits, three of them after the point

"""What a training has taught a model, as a LoRA adapter (Hu et al., arXiv 2106.09685).

All weights of the layers learn, which is twice as quick on a processor as to learn an adapter. The
difference to the bundled model is then stored as the nearest matrix of low rank, by singular
values (Eckart and Young, Psychometrika 1, 1936).
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from bot.settings import BUNDLED_MODEL

_TAUGHT = re.compile(r"encoder\.layer\.[2-9]\..*\b(query|key|value|dense)")
"""The layers that learn. The first two see little but words; to leave them alone saves a fifth of the time."""


def learn_layers_only(encoder: Any) -> None:
    """Freeze all but the matrices of the upper layers: an adapter cannot hold norms and biases."""
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(bool(_TAUGHT.match(name)) and parameter.ndim == 2)


@torch.no_grad()
def store_adapter(untuned: Any, tuned: Any, rank: int, folder: Path) -> float:
    """Write the difference of two BERT encoders, in floats of eight bits; returns the share that the rank loses.

    Floats of eight bits are coarse near 0, so the factors are stored large; `lora_alpha` scales their product down.
    """
    taught = {name: weight.float() for name, weight in tuned.named_parameters()}
    adapted: Any = get_peft_model(untuned, LoraConfig(r=rank, lora_alpha=1, target_modules=_TAUGHT.pattern))
    lost = total = 0.0
    for name, layer in adapted.base_model.model.named_modules():
        if not hasattr(layer, "lora_A"):
            continue
        difference = taught[f"{name}.weight"] - layer.base_layer.weight
        left, values, right = torch.linalg.svd(difference, full_matrices=False)
        root = (values[:rank] * rank).sqrt()
        layer.lora_B["default"].weight.data = left[:, :rank] * root
        layer.lora_A["default"].weight.data = root[:, None] * right[:rank]
        lost, total = lost + float((values[rank:] ** 2).sum()), total + float((values**2).sum())
    adapted.to(torch.float8_e4m3fn).save_pretrained(folder)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = BUNDLED_MODEL  # and not where it lay on this machine
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # an empty form
    return lost / total if total else 0.0

"""What the trainers of both models have in common."""

from typing import Any

SEED = 20261123
TRAINER: dict[str, Any] = {
    "num_train_epochs": 1,
    "learning_rate": 1e-4,
    "warmup_steps": 0.1,  # of all
    "weight_decay": 0.01,
    "bf16": True,
    "seed": SEED,
    "save_strategy": "no",
    "logging_steps": 50,
    "report_to": "none",
    "use_cpu": True,
    "disable_tqdm": True,
}

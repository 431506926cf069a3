"""How both models are trained: with these settings of the trainer, and quickly."""

from collections.abc import Sequence
from typing import Any

import torch

SEED = 20261123
TRAINER: dict[str, Any] = {
    "num_train_epochs": 1,
    "warmup_steps": 0.1,  # of all
    "weight_decay": 0.01,
    "bf16": True,
    "seed": SEED,
    "save_strategy": "no",
    "logging_steps": 50,
    "report_to": "none",
    "use_cpu": not torch.cuda.is_available(),
    "disable_tqdm": True,
}
_TOKENS = "input_ids", "attention_mask", "token_type_ids"
_STEP = 8
"""Each text is read as long as a multiple of so many tokens."""
_DROPPED = 0.1
"""Share of what a layer's two halves add that is left out in training."""


class SharedDropout(torch.nn.Module):
    """Dropout that leaves out the same channels of all tokens of a text, as Gal and Ghahramani, arXiv 1512.05287."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """States of texts, tokens and channels, some channels of each text at 0 while it learns."""
        if not self.training:
            return states
        kept = torch.rand(states.shape[0], 1, states.shape[2], device=states.device) >= _DROPPED
        return states * (kept / (1 - _DROPPED)).to(states.dtype)


def answer_loss(
    logits: torch.Tensor,
    right: torch.Tensor,
    wrong: torch.Tensor,
    silence: float,
    silent: float = 1.0,
    without: float = 0.0,
) -> torch.Tensor:
    """InfoNCE (van den Oord et al., arXiv 1807.03748) of each question over its clauses and silence.

    Inputs are of questions by clauses, and `silence` is the logit of that; what is neither right nor wrong for a
    question is left out. A right clause stands against all wrong ones and silence. Where there is none, silence
    stands against the wrong ones, and counts `silent`; where there is one, it also stands against the wrong ones
    without it, and that counts `without`.
    """
    choices = torch.cat([logits.masked_fill(~wrong, float("-inf")), logits.new_full((len(logits), 1), silence)], 1)
    others = choices.logsumexp(1)
    pulled = torch.nn.functional.softplus(others[:, None] - logits)
    answered = (pulled * right).sum(1) / right.sum(1).clamp(min=1)
    unanswered = others - silence
    return torch.where(right.any(1), answered + without * unanswered, silent * unanswered).mean()


class MasterAdamW(torch.optim.AdamW):
    """AdamW on copies in single precision of weights in half precision, as Micikevicius et al., arXiv 1710.03740."""

    def __init__(self, weights: Sequence[torch.Tensor], **options: Any) -> None:
        """The weights are still in single precision here, and may be halved after."""
        self.weights = weights
        super().__init__([weight.detach().clone().requires_grad_() for weight in weights], **options)

    def step(self, closure: Any = None) -> Any:
        """One step, after which the weights are their copies again."""
        masters = self.param_groups[0]["params"]
        for master, weight in zip(masters, self.weights, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
        loss = super().step(closure)
        self.restore()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the weights and of their copies."""
        super().zero_grad(set_to_none)
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def restore(self) -> None:
        """Give the weights the values of their copies."""
        for master, weight in zip(self.param_groups[0]["params"], self.weights, strict=True):
            weight.copy_(master)


def quicken(model: torch.nn.Module, transformer: Any) -> None:
    """Make training on a processor 1.7 times as quick.

    Drawing a mask for each token takes a third of the time, so one for all of them is drawn; the fused attention's
    backward pass takes several times as long as the plain one's.
    """
    transformer.set_attn_implementation("eager")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in transformer.encoder.layer:
        layer.attention.output.dropout = layer.output.dropout = SharedDropout()


def read_in_parts(model: torch.nn.Module, features: dict[str, Any], output: str, area: int) -> torch.Tensor:
    """What the model puts out for each text of a batch: the texts are read in parts of like length and of few shapes.

    `area` is about how many word pieces there are in a part.
    So less is padded, and oneDNN compiles less: for half precision it does so for each shape anew, and that takes
    longer than to multiply.
    """
    lengths = features["attention_mask"].sum(1)
    order = lengths.argsort(descending=True)
    outputs: list[torch.Tensor] = []
    start = 0
    while start < len(order):
        length = -(-int(lengths[order[start]]) // _STEP) * _STEP
        part = order[start : start + area // length]
        tokens = {name: _fit(features[name][part], length, area // length) for name in _TOKENS if name in features}
        outputs.append(model({**features, **tokens})[output].float()[: len(part)])
        start += len(part)
    return torch.cat(outputs)[order.argsort()]


def _fit(rows: torch.Tensor, length: int, number: int) -> torch.Tensor:
    """So many rows of tokens at that length, the padding cut or added to, and rows of nothing below them."""
    fitted = rows.new_zeros(number, length)
    fitted[: len(rows), : rows.shape[1]] = rows[:, :length]
    return fitted

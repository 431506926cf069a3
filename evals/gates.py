"""The verdict on a run: does it pass its gates, and is it as good as the baseline?"""

import json
import tomllib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.errors import PolicybotError
from evals.metrics import Measurement, mcnemar, measure
from evals.run import Run, RunError

Metrics = dict[str, dict[str, Measurement]]


class GateError(PolicybotError):
    """The gates cannot be read, or the baseline may not be changed so."""


@dataclass(frozen=True)
class Gate:
    """A bound on one metric of one group of cases: "all", "dev", "held" or a kind."""

    group: str
    metric: str
    min: float | None = None
    max: float | None = None

    def passes(self, value: float | None) -> bool:
        """Whether the value is within the bounds; where no case is eligible there is nothing to fail."""
        if value is None:
            return True
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    @property
    def bound(self) -> str:
        return f"≥ {self.min:g}" if self.min is not None else f"≤ {self.max:g}"


ALWAYS = (Gate("all", "quote_exactness", min=1.0), Gate("all", "forbidden_phrases", max=0))
"""No file of gates can relax these."""


@dataclass(frozen=True)
class BlessedPolicy:
    """Which text of a policy a baseline was made on."""

    policy: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Baseline:
    """A run that somebody took responsibility for: who, when and why, under what, and what it gave.

    `metrics` has the values by group and metric, times left out; `passed` says so of each case.
    """

    by: str
    when: str
    reason: str
    answerer: str
    model: str
    settings: dict[str, str | int]
    policies: tuple[BlessedPolicy, ...]
    metrics: dict[str, dict[str, float | None]]
    passed: dict[str, bool]

    @property
    def reviewed(self) -> dict[str, str]:
        """The sha256 of each policy's text that the cases were reviewed against."""
        return {blessed.policy: blessed.sha256 for blessed in self.policies}


@dataclass(frozen=True)
class GateResult:
    gate: Gate
    value: float | None

    @property
    def passed(self) -> bool:
        return self.gate.passes(self.value)


@dataclass(frozen=True)
class Verdict:
    """What the gates and the baseline say of a run.

    `regressed` and `fixed` are ids of cases that passed before and do not now, or the other way
    round. `p` is McNemar's, None without a baseline by the same answerer. `crashed` are ids.
    """

    gates: tuple[GateResult, ...]
    regressed: tuple[str, ...]
    fixed: tuple[str, ...]
    p: float | None
    crashed: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: all is well; 1: a gate failed or a case regressed; 2: the run is incomplete."""
        if self.crashed:
            return 2
        return int(bool(self.regressed) or not all(gate.passed for gate in self.gates))


def judge_run(run: Run, metrics: Metrics, gates: tuple[Gate, ...], baseline: Baseline | None) -> Verdict:
    """Hold a run against its gates, and against a baseline where that is by the same answerer."""
    values = ((gate, metrics.get(gate.group, {}).get(gate.metric)) for gate in gates)
    held = tuple(GateResult(gate, found.value if found else None) for gate, found in values)
    before = baseline.passed if baseline and baseline.answerer == run.answerer else {}
    after = {result.case.id: result.passed for result in run.results}
    both = [case for case in after if case in before]
    return Verdict(
        gates=held,
        regressed=tuple(case for case in both if before[case] and not after[case]),
        fixed=tuple(case for case in both if after[case] and not before[case]),
        p=mcnemar([before[case] for case in both], [after[case] for case in both]) if both else None,
        crashed=tuple(result.case.id for result in run.crashed),
    )


def read_gates(path: Path) -> tuple[Gate, ...]:
    """The gates of a TOML file, and those that always hold; only the latter where there is no file.

    A table is a group, a key a metric, a value {min = ...} or {max = ...}. Raises GateError.
    """
    if not path.exists():
        return ALWAYS
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        gates = [Gate(group, metric, **bounds) for group, table in tables.items() for metric, bounds in table.items()]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise GateError(
            f"{path} is not a file of gates: write [all] and lines like pass_rate = {{min = 0.9}}."
        ) from error
    known = measure(Run("", "", "", {}, (), ()))["all"]
    for gate in gates:
        if gate.metric not in known:
            raise GateError(f"{path}: there is no metric {gate.metric!r}. The metrics are {', '.join(known)}.")
        if (gate.min is None) == (gate.max is None):
            raise GateError(f"{path}: give {gate.metric} of {gate.group} either a min or a max.")
    return (*ALWAYS, *(gate for gate in gates if gate not in ALWAYS))


def bless(run: Run, metrics: Metrics, by: str, reason: str) -> Baseline:
    """The baseline that a run makes."""
    return Baseline(
        by=by,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=reason,
        answerer=run.answerer,
        model=run.model,
        settings=run.settings,
        policies=tuple(BlessedPolicy(text.policy, text.version, text.sha256) for text in run.policies),
        metrics={
            group: {
                name: None if measured.value is None else round(measured.value, 4)
                for name, measured in table.items()
                if not name.startswith("latency")
            }
            for group, table in metrics.items()
        },
        passed={result.case.id: result.passed for result in sorted(run.results, key=lambda result: result.case.id)},
    )


def write_baseline(baseline: Baseline, path: Path) -> None:
    path.write_text(json.dumps(asdict(baseline), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_baseline(path: Path) -> Baseline | None:
    """The blessed baseline, None where there is none; raises RunError for a file that is none."""
    if not path.exists():
        return None
    try:
        return TypeAdapter(Baseline).validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunError(f"{path} is not a baseline. Restore it from git, or bless a run anew.") from error

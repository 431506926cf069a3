"""One evaluation, from the cases to the verdict and the reports."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from tqdm import tqdm

from bot import PolicyBot
from bot.settings import Settings
from evals.candidate import candidate_bot, compare, the_policy
from evals.cases import read_cases
from evals.gates import (
    Baseline,
    GateError,
    Metrics,
    Verdict,
    bless,
    judge_run,
    read_baseline,
    read_gates,
    write_baseline,
)
from evals.metrics import measure
from evals.reports import files, html, terminal
from evals.run import Run, comparable, read_runs, write_run
from evals.runner import run_cases

EXTRACTIVE = "extractive"
_TREND = 20


class Evaluation:
    """The cases of a path, put to one answerer. Gates and baseline lie beside the cases."""

    def __init__(self, settings: Settings, cases: Path, answerer: str, report: Path | None, as_json: bool) -> None:
        self.settings = settings
        self.answerer = "" if answerer == EXTRACTIVE else answerer
        self.path, self.cases = cases, read_cases(cases)
        folder = cases if cases.is_dir() else cases.parent
        self.gates_path, self.baseline_path = folder / "gates.toml", folder / "baseline.json"
        self.runs = settings.data / "runs"
        self.report = report
        self.as_json = as_json
        self.console = Console(soft_wrap=True, highlight=False)

    def run(self, junit: Path | None, judge: bool, blessing: tuple[str, str] | None) -> int:
        """Run the cases, report, maybe bless by (name, reason); returns the exit status. Raises PolicybotError."""
        if blessing and not self.path.is_dir():
            raise GateError(f"{self.path} is one file. A baseline is made of all cases: --cases {self.path.parent}.")
        gates, baseline = read_gates(self.gates_path), read_baseline(self.baseline_path)
        run = self._run(baseline)
        if judge:
            run = self._judge(run)
        metrics = measure(run)
        verdict = judge_run(run, metrics, gates, baseline)
        write_run(run, self.runs / f"{run.started.replace(':', '')}.json")
        self._publish(run, metrics, verdict, baseline)
        if junit:
            files.write_junit(run, verdict, junit)
        if blessing:
            return self._bless(run, metrics, verdict, *blessing)
        return verdict.exit_code

    def compare(self, candidate: Path) -> int:
        """Put the cases to the policy as it is and to an edit of it; returns the exit status. Raises PolicybotError."""
        bot = self._bot()
        with candidate_bot(candidate, the_policy(self.cases), bot.settings) as other, self._progress() as bar:
            comparison = compare(bot, other, self.cases, bar.update)
        if self.report:
            self.report.mkdir(parents=True, exist_ok=True)
            (self.report / "candidate.html").write_text(html.candidate_page(comparison), encoding="utf-8")
            (self.report / "candidate.json").write_text(_dump(files.candidate_summary(comparison)), encoding="utf-8")
            files.write_candidate_csv(comparison, self.report / "candidate.csv")
        if self.as_json:
            print(_dump(files.candidate_summary(comparison)))
        else:
            terminal.print_comparison(comparison, self.console)
            self._say_where("candidate.html")
        return int(bool(comparison.broken))

    def _bot(self) -> PolicyBot:
        bot = PolicyBot(self.settings.model_copy(update={"llm": self.answerer}))
        bot.sync()
        return bot

    def _run(self, baseline: Baseline | None) -> Run:
        bot = self._bot()
        with self._progress() as bar:
            return run_cases(bot, self.cases, baseline.reviewed if baseline else {}, each=bar.update)

    def _judge(self, run: Run) -> Run:
        from evals.answer_judge import AnswerJudge

        judge = AnswerJudge(self.settings)
        with self._progress("Judging the answers") as bar:
            results = []
            for result in run.results:
                results.append(judge.judge(result))
                bar.update()
        return replace(run, results=tuple(results), judge=judge.name)

    def _publish(self, run: Run, metrics: Metrics, verdict: Verdict, baseline: Baseline | None) -> None:
        summary = _dump(files.summary(run, metrics, verdict))
        if self.report:
            self.report.mkdir(parents=True, exist_ok=True)
            trend = [*self._trend(run), metrics]
            page = html.run_page(run, metrics, verdict, baseline, trend)
            (self.report / "report.html").write_text(page, encoding="utf-8")
            (self.report / "summary.json").write_text(summary, encoding="utf-8")
            write_run(run, self.report / "run.json")
            files.write_csv(run, self.report / "cases.csv")
        if self.as_json:
            print(summary)
        else:
            terminal.print_run(run, metrics, verdict, baseline, self.console)
            self._say_where("report.html")

    def _trend(self, run: Run) -> list[Metrics]:
        """The metrics of the stored runs before this one, by the same answerer on the same cases, oldest first."""
        earlier = [r for r in read_runs(self.runs) if r.started < run.started and comparable(run, r)]
        return [measure(stored) for stored in earlier[-_TREND:]]

    def _bless(self, run: Run, metrics: Metrics, verdict: Verdict, by: str, reason: str) -> int:
        if verdict.crashed or not all(gate.passed for gate in verdict.gates):
            raise GateError("This run is not blessed: it is incomplete, or a gate failed. Mend that first.")
        write_baseline(bless(run, metrics, by, reason), self.baseline_path)
        self.console.print(f"{self.baseline_path} is the new baseline.", style="bold")
        return 0

    def _say_where(self, name: str) -> None:
        if self.report:
            self.console.print(f"Report: {self.report / name}")

    @contextmanager
    def _progress(self, title: str = "Asking the cases") -> Iterator[Any]:
        with tqdm(total=len(self.cases), desc=title, unit="case", file=sys.stderr) as bar:
            yield bar


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)

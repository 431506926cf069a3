"""The command line with `policybot eval` on it. The console command starts here."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import Corpus, Data, app, main
from bot.errors import InputError, PolicybotError

__all__ = ["main"]


@app.command(name="eval")
def evaluate(
    cases: Annotated[Path, typer.Option(help="YAML file of cases, or a folder of them.")] = Path("evals/cases"),
    answerer: Annotated[str, typer.Option(help="extractive, or a chat model as in POLICYBOT_LLM.")] = "extractive",
    candidate: Annotated[Path | None, typer.Option(help="Show what this edit of the policy would break.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write HTML, JSON and CSV into this folder.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML into this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    judge: Annotated[bool, typer.Option("--judge", help="Let the chat model of POLICYBOT_LLM judge, too.")] = False,
    bless: Annotated[bool, typer.Option("--bless", help="Make this run the baseline.")] = False,
    by: Annotated[str, typer.Option(help="Who makes it the baseline.")] = "",
    reason: Annotated[str, typer.Option(help="And why.")] = "",
    corpus: Corpus = None,
    data: Data = None,
) -> None:
    """Check the bot's answers against the cases, the gates and the baseline.

    Exit status: 0, all gates pass and nothing regressed; 1, a gate failed or a case regressed, or
    the candidate breaks a case; 2, the run is incomplete or the input is bad.

    Example: policybot eval --report report
    """
    try:
        if candidate and (bless or judge or junit):
            raise InputError("--candidate goes with --report and --json only.")
        if (bless or by or reason) and not (bless and by.strip() and reason.strip()):
            raise InputError('A baseline needs a name and a reason: --bless --by NAME --reason "TEXT".')
        from bot.settings import load_settings
        from evals.evaluation import Evaluation

        evaluation = Evaluation(load_settings(corpus, data), cases, answerer, report, as_json)
        if candidate:
            status = evaluation.compare(candidate)
        else:
            status = evaluation.run(junit, judge, (by.strip(), reason.strip()) if bless else None)
    except PolicybotError as error:
        typer.echo(f"policybot: {error}", err=True)
        status = 2
    except OSError as error:
        typer.echo(f"policybot: {error.filename} cannot be written ({error.strerror}). Name another place.", err=True)
        status = 2
    except KeyboardInterrupt:
        typer.echo("policybot: interrupted, so the run is incomplete.", err=True)
        status = 2
    sys.exit(status)

"""What the README shows is what happens."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import app
from bot.settings import Settings
from evals.cases import EvalCase, read_cases

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^\$ (policybot .+)\n((?:(?!\$ |```).*\n)+)", README, re.M)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize(("command", "shown"), SESSIONS)
def test_shown_answer_is_the_real_one(
    command: str, shown: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    data = tmp_path_factory.getbasetemp() / "readme"
    done = CliRunner().invoke(app, [*shlex.split(command)[1:], "--data", str(data)])
    assert done.stdout.strip() == shown.strip()


def test_readme_shows_answers() -> None:
    assert len(SESSIONS) >= 2


@pytest.mark.parametrize("code", PYTHON)
def test_shown_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(code.replace('data=".policybot"', f"data={str(tmp_path)!r}"), {})


def test_settings_that_the_readme_names_exist() -> None:
    names = set(re.findall(r"POLICYBOT_([A-Z_]+)", README))
    assert names <= {name.upper() for name in Settings.model_fields}


def test_shown_case_is_one_of_the_cases() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    (case,) = yaml.safe_load(shown)
    EvalCase.model_validate(case)
    assert case["id"] in {known.id for known in read_cases(ROOT / "evals" / "cases")}

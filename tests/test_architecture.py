"""Dependencies point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = {
    "bot": "errors settings policy parsing answer corpus chunking models calibration cross_encoder index retrieval judge conversation "
    "extractive citing grounding chat_model generative chain database migrations masking log accounts web cli",
    "evals": "load scaling span_retrieval speed redline cases labelled run diagnosis metrics paragraph_ranking unseen_policies runner gates candidate "
    "reports answer_judge evaluation cli desk training",
}
"""In each package, a module may import those before it, and no others."""


@pytest.mark.parametrize("package", ORDER)
def test_modules_import_only_what_stands_before_them(package: str) -> None:
    order = ORDER[package].split()
    for path, module in _modules(package).items():
        assert module in (*order, "__init__"), f"{path} has no place in the order"
        for imported in _imported(path, package):
            if module not in ("__init__", imported):
                assert order.index(imported) < order.index(module), f"{path} imports {imported}"


def test_bot_does_not_know_its_evals() -> None:
    assert not any(_imported(path, "evals") for path in _modules("bot"))


def _modules(package: str) -> dict[Path, str]:
    folder = ROOT / package
    return {path: path.relative_to(folder).parts[0].removesuffix(".py") for path in folder.rglob("*.py")}


def _imported(path: Path, package: str) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    whole = {alias.name for node in froms if node.module == package for alias in node.names}
    return whole | {str(node.module).split(".")[1] for node in froms if str(node.module).startswith(f"{package}.")}


def test_command_line_starts_without_the_models() -> None:
    loaded = "import sys, evals.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0

"""Dependencies point one way."""

import ast
from pathlib import Path

import bot

ROOT = Path(bot.__file__).parent
ORDER = (
    "errors settings policy parsing answer corpus chunking models index retrieval topics judge conversation "
    "extractive citing grounding chat_model generative chain web cli"
).split()
"""Each module may import those before it, and no others."""


def test_modules_import_only_what_stands_before_them() -> None:
    modules = {path: path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")}
    assert set(modules.values()) == {*ORDER, "__init__"}
    for path, module in modules.items():
        for imported in _imported(path):
            if module not in ("__init__", imported):
                assert ORDER.index(imported) < ORDER.index(module), f"{path} imports {imported}"


def _imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    whole = {alias.name for node in froms if node.module == "bot" for alias in node.names}
    return whole | {str(node.module).split(".")[1] for node in froms if str(node.module).startswith("bot.")}

"""Fixtures that load the model once."""

from pathlib import Path

import pytest

from bot import PolicyBot

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def bot(tmp_path_factory: pytest.TempPathFactory) -> PolicyBot:
    """A bot on the seed policy."""
    return PolicyBot.open(corpus=ROOT / "corpus", data=tmp_path_factory.mktemp("data"))

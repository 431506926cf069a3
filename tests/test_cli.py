"""The command line, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def policybot(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_batch_answers_each_line_in_order(tmp_path: Path) -> None:
    batch = tmp_path / "questions.jsonl"
    lines = [
        {"id": "a", "question": "do you use cookies?"},
        {"id": "b", "question": "can I turn them off?", "history": ["do you use cookies?"]},
        {"id": "c", "question": "hi", "policy": "alumia-privacy-policy"},
    ]
    batch.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    done = policybot("ask", "--batch", batch, "--data", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert [answer["outcome"] for answer in answers] == ["answered", "answered", "unclear"]
    citation = answers[0]["citations"][0]
    assert set(citation) == {"policy", "version", "source", "section", "title", "quote", "start", "end"}
    source = (ROOT / "corpus" / citation["source"]).read_bytes().decode()
    assert source[citation["start"] : citation["end"]] == citation["quote"]
    assert set(answers[0]["timings_ms"]) == {"retrieve", "answer", "total"}


def test_bad_input_is_one_sentence_and_no_trace(tmp_path: Path) -> None:
    for arguments, words in (
        (["ask", "hello", "--corpus", tmp_path / "none"], "does not exist"),
        (["ask", "--batch", tmp_path / "none.jsonl"], "none.jsonl"),
        (["ask"], "Give either a question or --batch"),
    ):
        done = policybot(*arguments, "--data", tmp_path / "data")
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr

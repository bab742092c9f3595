"""Where things lie and how to reach servers: `XINHENG_*` in the environment or `.env`; nothing scientific."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from xinheng.storage import Place, place_of


class Settings(BaseSettings):
    """Folders and limits; each is an environment variable with the prefix `XINHENG_`."""

    model_config = SettingsConfigDict(env_prefix="XINHENG_", env_file=".env", extra="ignore")

    data: Annotated[Place, PlainValidator(place_of)] = Path("data")
    """Publishers' files, one folder per source; a folder of this disk or of an object store (`s3://…`)."""
    runs: Annotated[Place, PlainValidator(place_of)] = Path("runs")
    """Artifacts: `runs/sources/NAME`, `runs/datasets/NAME`; likewise."""
    argilla_venv: Path | None = None
    """Where the embedded Argilla's own virtual environments are kept; the user's cache where it is not set."""
    argilla_postgres: SecretStr | None = None
    """PostgreSQL's address for a new home of the embedded Argilla, so that its password stands on no command line."""
    store_timeout_s: Annotated[float, Field(gt=0)] = 30
    """How long an object store may be silent before it counts as gone."""
    help_lines: dict[str, str] = {}
    """Help lines of a deployment, as JSON: a concern of the crisis screen, or `*` for all, to the words to show."""
    batch_rows: int = 10_000
    """Rows held in memory at once while a source is read."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    """Sent to OpenAI alone, or to the host of `OPENAI_BASE_URL`."""
    openai_base_url: str = Field(default="", validation_alias="OPENAI_BASE_URL")
    """Of the service that is meant by `openai:NAME`; OpenAI's where empty."""
    api_key: SecretStr | None = None
    """Sent to every other server whose address stands in a model's name."""
    argilla_key: SecretStr | None = None
    """An owner's API key, sent to the Argilla server whose address stands behind `--server`."""
    ollama_host: str = Field(default="", validation_alias="OLLAMA_HOST")
    """Of the server that is meant by `ollama:NAME`, as Ollama itself reads it; this machine's where empty."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 300
    """For one request to a model, last byte of the reply included."""
    request_deadline_s: Annotated[float, Field(gt=0)] = 900
    """For one answer, with all repetitions and the waits between them."""
    request_attempts: Annotated[int, Field(ge=1)] = 6
    """Requests for one answer, where a server is busy or broken."""


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

"""Where commands open models: one journal, one budget, and nothing personal leaves the machine unasked.

Every command that asks a model does it in `opened(...)`, so that all of them have the same flags, the same refusals and
the same record in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from app.facts import dataset_table
from app.model_flags import Flags
from app.pseudonymous import Pseudonymous, Surrogates, surrogates_of
from counselling import connect as ways
from counselling.prompts import prompts
from xinheng.artifacts import Artifact
from xinheng.budget import Budget
from xinheng.chat.connect import backend_of, connect
from xinheng.chat.servers import server_of
from xinheng.errors import UsageError
from xinheng.journal import Journal, Journalled, journalled
from xinheng.messages import Chat, Message, Reply, Want
from xinheng.progress import Progress
from xinheng.settings import settings
from xinheng.tables import KEYS

JOURNAL: Final = "journal.sqlite"
_JOURNAL: ContextVar[Path | None] = ContextVar("journal", default=None)

Texts = Literal["public", "pseudonymised", "personal"]
"""By licence anybody's to read; surrogates already; what somebody said in confidence."""


class NotKeptError(Exception):
    """A request is not in the journal, and nothing may be sent."""


class Models:
    """Chats by their names, all on one journal and one budget.

    Args:
        journal: Open.
        budget: Of the run.
        flags: What the user allowed.
        texts: Of what kind the texts are that will be sent.
        rows: About which models will be asked.
        key: Their id column.
    """

    def __init__(
        self, journal: Journal, budget: Budget, flags: Flags, *, texts: Texts, rows: pl.DataFrame, key: str
    ) -> None:
        self.journal, self.budget, self.flags, self.texts = journal, budget, flags, texts
        self._rows, self._key = rows, key
        self._bare: dict[str, Chat] = {}
        self._sent_to: list[Chat] = []
        self._kept: dict[str, Journalled] = {}
        self._surrogates: Surrogates | None = None

    def chat(self, spec: str, *, language: str | None = None, kept_only: bool = False) -> Chat:
        """The Chat of a name: a model, or a way of answering made of models.

        Args:
            spec: As `counselling.connect` reads it.
            language: Of the way's prompts, where the name does not say it.
            kept_only: Nothing is sent: what is not in the journal raises `NotKeptError`.

        Raises:
            UsageError: The name cannot be read, or texts would leave the machine and nobody allowed it.
        """
        return ways.connect(in_language(spec, language), model=partial(self._model, kept_only=kept_only))

    def fresh(self, spec: str, *, language: str | None = None, timeout_s: float | None = None) -> Chat:
        """The Chat of a name that sends every request, once: nothing comes from the journal or goes there.

        For measurements: what is spent is paid by whoever asks (`budget.paid`), who also closes it.

        Args:
            spec: As for `chat`.
            language: As for `chat`.
            timeout_s: For one request; the settings' where None.

        Raises:
            UsageError: As for `chat`.
        """

        def model(name: str) -> Chat:
            bare = connect(name, timeout_s=timeout_s, attempts=1, deadline_s=timeout_s)
            if bare.remote:
                self._require_leave(bare.name)
            self._sent_to.append(bare)
            return Pseudonymous(bare, self._surrogates) if bare.remote and self._surrogates is not None else bare

        return ways.connect(in_language(spec, language), model=model)

    def progress(self, total: int | None, step: str) -> Progress:
        """What tells a person how far a step is."""
        return Progress(total, step=step)

    def _model(self, spec: str, *, kept_only: bool) -> Chat:
        if spec not in self._bare:
            bare = connect(spec)
            if bare.remote:
                self._require_leave(bare.name)
            self._bare[spec] = bare
            self._kept[spec] = journalled(bare, self.journal)
        bare = self._bare[spec]
        kept = journalled(_KeptOnly(self._kept[spec]), self.journal) if kept_only else self._kept[spec]
        return Pseudonymous(kept, self._surrogates) if bare.remote and self._surrogates is not None else kept

    def _require_leave(self, name: str) -> None:
        """Raise unless texts may go to a model elsewhere; put them into the vault where they have to be."""
        flags = self.flags
        if self.texts != "public" and not flags.allow_remote:
            more = "" if self.texts == "pseudonymised" else " --vault FILE, which puts surrogates for names and numbers"
            raise UsageError(
                name,
                "these texts are personal and the model is on another machine",
                want="leave to send them",
                mend=f"Say --allow-remote{more}, or use a model of this machine.",
            )
        if self.texts == "pseudonymised" or self._surrogates is not None:
            return
        if flags.vault is not None:
            from app.privacy import vault_in_use

            with vault_in_use(flags.vault, key_file=flags.key_file, new=True) as vault:
                self._surrogates = surrogates_of(self._rows, key=self._key, vault=vault)
        elif self.texts == "personal" and not flags.as_is:
            raise UsageError(
                name,
                "these texts are personal and would go out as they are",
                want="--vault FILE, so that names, numbers and places are replaced and put back on return",
                mend="Say --as-is instead if the texts are public.",
            )

    def went_out(self) -> dict[str, Any]:
        """For the manifest: to which models texts went, and how."""
        remote = sorted({bare.name for bare in (*self._bare.values(), *self._sent_to) if bare.remote})
        if not remote:
            return {"remote": []}
        if self._surrogates is not None:
            return {"remote": remote, "texts": "replaced", "places": dict(self._surrogates.places)}
        return {"remote": remote, "texts": "sent as they are" if self.texts == "personal" else self.texts}

    async def server(self, spec: str) -> str:
        """Program and version behind a name, as far as its server tells; "" where it does not."""
        backend = backend_of(bare_model(spec))
        try:
            return await server_of(backend)
        finally:
            await backend.close()

    async def close(self) -> None:
        """Close the models; the journal is closed by `opened`."""
        for chat in self._bare.values():
            await chat.close()


@contextmanager
def opened(rows: pl.DataFrame, *, key: str, artifact: Artifact, flags: Flags) -> Iterator[Models]:
    """Models for a command that asks about some rows.

    Args:
        rows: Of DIALOGUE, EXAMPLE or CASE, those that are asked about.
        key: Their id column.
        artifact: From which they come.
        flags: What the user said.

    Raises:
        UsageError: Flags that do not fit each other.
    """
    if flags.as_is and flags.vault is not None:
        raise UsageError("models", "--as-is and --vault", want="one of them", mend="Leave one out.")
    if flags.vault is None and flags.key_file is not None:
        raise UsageError("models", "--key-file without --vault", mend="Name the vault that it opens.")
    budget = Budget(max_usd=flags.max_cost, max_tokens=flags.max_tokens, max_requests=flags.max_requests)
    with Journal(journal_path()) as journal:
        yield Models(journal, budget, flags, texts=kind_of_texts(rows, artifact), rows=rows, key=key)


def rows_of(artifact: Artifact, *, limit: int | None) -> tuple[pl.DataFrame, str]:
    """An artifact's rows, of which a command asks about, and the kind of their table.

    Args:
        artifact: A dataset or source.
        limit: Only so many, those of the test split last, else by id.

    Raises:
        UsageError: Its rows are of a kind that nobody can be asked about.
    """
    table = dataset_table(artifact)
    if table not in KEYS or table == "choice":
        raise UsageError(
            str(artifact.path), f"a {table} table", want="dialogues, examples or cases", mend="See xinheng curate."
        )
    rows, key = artifact.scan(table), KEYS[table]
    have = rows.collect_schema()
    split = [name for name in ("split", "published_split") if name in have]
    held = pl.coalesce(pl.col(name).cast(pl.String) for name in split) == "test" if split else pl.lit(value=False)
    if limit is None:
        return rows.sort(key).collect(), table
    return rows.sort(held.fill_null(value=False), key).head(limit).sort(key).collect(), table


@contextmanager
def journal_at(path: Path) -> Iterator[None]:
    """Have everything in the block asked with another journal, so that what was answered before is asked again."""
    token = _JOURNAL.set(path)
    try:
        yield
    finally:
        _JOURNAL.reset(token)


def journal_path() -> Path:
    """The journal of all commands: in the runs folder, or beside it on this disk where that is an object store."""
    if (other := _JOURNAL.get()) is not None:
        return other
    runs = settings().runs
    return (runs if isinstance(runs, Path) else Path("runs")) / JOURNAL


def kind_of_texts(rows: pl.DataFrame, artifact: Artifact) -> Texts:
    """Whether texts are public by their licences, were pseudonymised when they were curated, or are personal."""
    from datasets_src.catalog import SOURCES
    from xinheng.licences import PRIVATE, YOURS

    if artifact.manifest["facts"].get("privacy"):
        return "pseudonymised"
    # What is under no licence of a published source nobody has given away.
    known = {entry.licence for entry in SOURCES.values()} - {PRIVATE, YOURS}
    return "public" if set(rows["licence"].unique()) <= known else "personal"


def in_language(spec: str, language: str | None) -> str:
    """A way's name with the language of its prompts, unless it names one; other names as they are.

    >>> in_language("staged:ollama:phi4", "en"), in_language("ollama:phi4", "en")
    ('staged:ollama:phi4?language=en', 'ollama:phi4')
    """
    found = ways.way_of(spec)
    if found is None or language is None or "language" in found[2]:
        return spec
    return f"{spec}{'&' if found[2] else '?'}language={language}"


def bare_model(spec: str) -> str:
    """The model of a way of answering; a model's own name as it is.

    >>> bare_model("reflect:ollama:phi3?limit=50"), bare_model("ollama:phi3")
    ('ollama:phi3', 'ollama:phi3')
    """
    while (found := ways.way_of(spec)) is not None:
        spec = found[1]
    return spec


async def model_facts(chats: Sequence[tuple[str, Chat]]) -> list[dict[str, Any]]:
    """What answered, for the manifest: role, name, exact identity, whether it is elsewhere, and of which artifact.

    Raises:
        ModelError: A server is not there, or has no such model: known before the first request.
    """
    from app.model_artifacts import artifact_behind

    found: list[dict[str, Any]] = []
    for role, chat in chats:
        told = {"role": role, "name": chat.name, "identity": await chat.identity(), "remote": chat.remote}
        made = artifact_behind(bare_model(chat.name))
        found.append({**told, **({"artifact": made} if made else {})})
    return found


def prompt_facts(languages: Sequence[str]) -> Mapping[str, Any]:
    """Version and digest of the prompts of some languages, for the manifest."""
    return {
        language: {"version": prompts(language).version, "digest": prompts(language).digest} for language in languages
    }


class _KeptOnly:
    """A chat that sends nothing."""

    def __init__(self, chat: Chat) -> None:
        self.name, self.remote, self._chat = chat.name, chat.remote, chat

    async def identity(self) -> str:
        return await self._chat.identity()

    async def close(self) -> None:
        """Nothing is open."""

    async def __call__(
        self,
        messages: Sequence[Message],  # noqa: ARG002  the parent's signature
        /,
        *,
        want: Want = Want(),  # noqa: ARG002  the parent's signature
        tell: Any = None,  # noqa: ARG002  the parent's signature
    ) -> Reply:
        raise NotKeptError

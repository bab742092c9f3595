"""The search engine's library on SQLite and on a real PostgreSQL; every test of searches runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.annotation.conftest import Argilla, end_argilla, run_argilla
from tests.annotation.postgres_server import postgres
from tests.annotation.server.search_library import RATERS, Library, People, enter, make_dataset, make_library, remove


@pytest.fixture(scope="session")
def argilla_postgres(argilla_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Argilla]:
    """A server on a PostgreSQL of its own."""
    with postgres() as address:
        home = tmp_path_factory.mktemp("argilla-postgres") / "home"
        server = run_argilla(home, argilla_python, raters=RATERS, postgres=address)
        yield server
        end_argilla(server)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def served(request: pytest.FixtureRequest) -> Argilla:
    """A server on each database."""
    server: Argilla = request.getfixturevalue("argilla" if request.param == "sqlite" else "argilla_postgres")
    return server


@pytest.fixture(scope="session")
def people(served: Argilla) -> Iterator[People]:
    """Everybody, logged in once."""
    entered = enter(served)
    yield entered
    entered.close()


@pytest.fixture(scope="session")
def library(people: People) -> Iterator[Library]:
    """The library, to be read only; made again where tests of the other database came between."""
    made = make_library(people, "library")
    yield made
    remove(made)


@pytest.fixture
def fresh(people: People) -> Iterator[Callable[..., Library]]:
    """Makes empty datasets by name; they are deleted after the test."""
    made: list[Library] = []

    def make(name: str, **options: Any) -> Library:
        made.append(make_dataset(people, name, **options))
        return made[-1]

    yield make
    for one in made:
        remove(one)

"""Vectors come from a user's own server, one for each text, or a sentence says why they do not."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.servers.embedding import embedding
from xinheng.chat import embedding as under_test
from xinheng.chat.embedding import BATCH, embedder
from xinheng.errors import ModelError, UsageError

KINDS = ("ollama:m@{}", "openai:m@{}/v1")


@pytest.mark.parametrize("how", ["down", "nonsense", "short", "nan"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_vector_for_each_text_is_refused_without_a_word_of_them(kind: str, how: str) -> None:
    with embedding(how=how) as server:
        made = embedder(kind.format(server.url))
        with pytest.raises(ModelError, match="no vectors") as told:
            made(["planted words", "others"])
        assert "planted" not in str(told.value)


@pytest.mark.parametrize("spec", ["local:nano", "m", "ollama:", "openai:m@nowhere", "http://x"])
def test_what_names_no_server_is_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        embedder(spec)


def test_words_go_to_another_machine_only_where_that_was_allowed() -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        embedder("openai:m@http://198.51.100.7:9/v1")
    with pytest.raises(UsageError, match="--allow-remote"):
        embedder("ollama:m-cloud")
    assert embedder("openai:m@http://198.51.100.7:9/v1", allow_remote=True).remote


def test_a_model_that_only_seems_to_be_here_is_refused() -> None:
    with embedding(remote=True) as server:
        with pytest.raises(ModelError, match="another company"):
            embedder(f"ollama:m@{server.url}")(["words"])
        assert server.texts == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_has_its_vector_in_its_place(kind: str) -> None:
    texts = [f"text {n}" if n % 3 else f"grief {n}" for n in range(2 * BATCH + 1)]
    with embedding() as server:
        made = embedder(kind.format(server.url))
        assert np.array_equal(made(texts)[:, 0] > 0, [n % 3 == 0 for n in range(len(texts))])
        assert server.texts == texts
        assert made.identity() == made.identity()


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_longer_than_the_model_reads_goes_by_its_beginning(kind: str) -> None:
    with embedding(longest=500) as server:
        made = embedder(kind.format(server.url))(["悲" + "長" * 5000, "", "\0\ud800"])
        assert made[:, 0].tolist() == [1, 0, 0]


def test_a_server_that_was_away_is_let_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedding(how="down") as server:
        made = embedder(f"openai:m@{server.url}/v1")
        with pytest.raises(ModelError):
            made(["a"])
        server.how = "well"
        with pytest.raises(ModelError, match="a moment ago"):
            made(["a"])
        late = time.monotonic() + 60
        monkeypatch.setattr(under_test.time, "monotonic", lambda: late)
        assert made(["a"]).shape == (1, 3)

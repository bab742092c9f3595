"""Replace identifiers by surrogates through all dialogues of a client, and back."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

import polars as pl

from curation.privacy.find import find, find_in
from curation.privacy.names import given_of, is_word
from curation.privacy.rows import kind_of, scope_expr, scopes_of, texts_of, with_keyed_ids, with_texts
from curation.privacy.spans import Span, apart
from curation.privacy.surrogates import opaque, surrogate
from curation.privacy.vault import ClientMap, Vault, client_map, keep_map, save_vault
from xinheng.errors import InputError
from xinheng.workers import begin_worker

_BATCH: Final = 2048
_KNOWN_AGAIN: Final = frozenset({"full", "latin", "nick", "given", "titled"})
_SENDER: Final = "sender"


@dataclass(frozen=True)
class Pseudonymised:
    """Rows without originals, and how many identifiers of each class were replaced.

    Args:
        rows: The table's rows in the given order.
        classes: Class to the number of places, sorted by class.
    """

    rows: pl.DataFrame
    classes: dict[str, int]


def pseudonymise(table: pl.DataFrame | pl.LazyFrame, *, vault: Vault, workers: int = 1) -> Pseudonymised:
    """Rows in which every identifier found in a text is a surrogate and every id a keyed one.

    The vault is saved before this returns, so that no text goes out whose way back is lost. A client's rows are read
    together: a name introduced in one is also replaced where another only mentions it. A row without a client_id is a
    client of its own; a chat is one. A chat's senders are taken for names whether or not they look like one.

    Args:
        table: DIALOGUE, EXAMPLE, CASE or CHAT rows.
        vault: An open vault; with the same vault the result is the same, whatever the order of rows.
        workers: Processes.

    Raises:
        UsageError: The rows are exam questions.
        SchemaError: A column is missing or of another type.
        WriteError: The vault cannot be written.
    """
    frame = table.lazy().collect()
    kind = kind_of(frame, who="pseudonymise")
    with _pool(workers) as pool:
        frame = with_keyed_ids(frame, vault)
        scope = frame.select(scope_expr(frame, kind)).to_series().to_list()
        long = texts_of(frame, kind)
        texts = {column: found["text"].to_list() for column, found in long.items()}
        places: dict[str, list[tuple[str, int]]] = {client: [] for client in scope}
        for column, found in long.items():
            for place, row in enumerate(found["row"]):
                places[scope[row]].append((column, place))
        classes: Counter[str] = Counter()
        for client, known, changed, counts in _done(_jobs(vault, places, texts), pool):
            keep_map(vault, client, known)
            classes += counts
            for (column, place), new in zip(places[client], changed, strict=True):
                texts[column][place] = new
    save_vault(vault)
    return Pseudonymised(with_texts(frame, texts), dict(sorted(classes.items())))


def reveal(text: str, client: str, vault: Vault) -> str:
    """The text with every surrogate of a client turned back.

    Args:
        text: A pseudonymised text, or any text that uses its surrogates, such as a model's answer.
        client: The client_id, or for a row without one its own id: as in the pseudonymised data, or as it was before.
        vault: The open vault.

    Raises:
        InputError: The vault holds nothing of this client, or nothing any more.
    """
    for scope in scopes_of(client, vault):
        if (found := client_map(vault, scope)) is not None:
            return _back(text, _reverse(found))
    raise InputError(
        "reveal", f"client {client} is not in the vault", mend="Check the id; a client forgotten stays so."
    )


_Job = tuple[str, ClientMap, list[str | None], list[str]]
_Result = tuple[str, ClientMap, list[str | None], Counter[str]]


def _jobs(
    vault: Vault, places: Mapping[str, list[tuple[str, int]]], texts: Mapping[str, list[str | None]]
) -> Iterator[_Job]:
    for client, theirs in sorted(places.items()):
        found = client_map(vault, client, create=True)
        assert found is not None  # noqa: S101  (create=True)
        senders = sorted({name for column, place in theirs if column == _SENDER and (name := texts[column][place])})
        yield client, found, [texts[column][place] for column, place in theirs], senders


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes that get ready while the caller still reads ids and texts: that takes each of them seconds."""
    if workers < 2:
        yield None
        return
    import multiprocessing

    # Not fork: Polars' threads do not survive it.
    started = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=started, initializer=begin_worker) as pool:
        for _ in range(workers):
            pool.submit(_get_ready)
        yield pool


def _get_ready() -> None:
    """Compile the patterns and load the word lists, which the first text needs."""
    find_in("我叫王小明，她說 Mary Smith told me 。")


def _done(jobs: Iterable[_Job], pool: ProcessPoolExecutor | None) -> Iterator[_Result]:
    waiting = iter(jobs)
    batches = iter(lambda: list(islice(waiting, _BATCH)), [])
    for batch_done in map(_work, batches) if pool is None else pool.map(_work, batches):
        yield from batch_done


def _work(jobs: Sequence[_Job]) -> list[_Result]:
    spans = spans_of({text for _, _, texts, _ in jobs for text in texts if text})
    return [(client, *replace_all(known, texts, spans, senders)) for client, known, texts, senders in jobs]


def spans_of(texts: Iterable[str]) -> dict[str, list[Span]]:
    """Identifiers of each text that has any, also where invisible characters stand between their signs.

    Cleaning takes such characters out later, and the name would stand there whole.
    """
    given, hidden = sorted(texts), _hidden()
    column = pl.Series(given, dtype=pl.String)
    # Few texts hold one: only they are read character by character.
    rows = column.str.contains(hidden.pattern).arg_true()
    kept = {given[row]: [i for i, c in enumerate(given[row]) if not hidden.match(c)] for row in rows}
    bare = ["".join(text[i] for i in places) for text, places in kept.items()]
    found = find(column.scatter(rows, pl.Series(bare, dtype=pl.String)) if kept else column)
    spans = {}
    some = found.list.len() > 0
    for index, entries in zip(some.arg_true(), found.filter(some), strict=True):
        text = given[index]
        at = kept.get(text) or range(len(text))
        spans[text] = [Span(at[e["start"]], at[e["end"] - 1] + 1, e["kind"], e["family"]) for e in entries.to_list()]
    return spans


@cache
def _hidden() -> re.Pattern[str]:
    """A character that `curation.steps.normalise_characters` takes out; those below space but for line ends and tabs."""
    formats = "".join(chr(c) for c in (*range(0x7F, 0xD800), *range(0xF900, 0x10000)) if _is_format(chr(c)))
    beyond = "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f"
    return re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\u115f\u1160\u3164\uffa0\ue000-\uf8ff{beyond}{re.escape(formats)}]")


def _bare(surface: str) -> str:
    return surface if surface.isascii() else _hidden().sub("", surface)


def _woven(surface: str, made: str) -> str:
    """A surrogate with the invisible characters of the original at their places, or at its end."""
    left = iter(made)
    woven = "".join(c if _hidden().match(c) else next(left, "") for c in surface)
    return woven + "".join(left)


def _is_format(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf")


def replace_all(
    known: ClientMap, texts: Sequence[str | None], found: Mapping[str, list[Span]], senders: Sequence[str] = ()
) -> tuple[ClientMap, list[str | None], Counter[str]]:
    """One client's texts with surrogates, the client's map with what is new, and places replaced by class.

    Args:
        known: The client's key and map so far.
        texts: All of the client's texts.
        found: The identifiers of those texts that have any.
        senders: Names of a chat's senders, which are replaced wherever they are a whole text.
    """
    unique = sorted({text for text in texts if text})
    spans = {text: list(found.get(text, ())) for text in unique}
    if not known.pairs and not known.aliases and not senders and not any(spans.values()):
        return known, list(texts), Counter()
    surfaces = {text[s.start : s.end]: (s.kind, s.family) for text in unique for s in spans[text]}
    surfaces = {_bare(surface): how for surface, how in surfaces.items()} | surfaces
    surfaces = {name: ("person", _sender_form(name)) for name in senders} | surfaces
    surfaces |= {original: (kind, family) for original, (_, kind, family) in known.pairs.items()}
    surfaces = _with_given(surfaces)
    made_before = [*(pair[0] for pair in known.pairs.values()), *known.aliases]
    natural = {s for s in made_before if any(s in text for text in unique)}
    surfaces |= {s: ("again", "") for s in sorted(natural) if s not in surfaces}
    whole = set(senders)
    spans = {
        text: [Span(0, len(text), "person", _sender_form(text))]
        if text in whole
        else _everywhere(text, spans[text], surfaces)
        for text in unique
    }
    used = {text[s.start : s.end] for text in unique for s in spans[text]}
    used |= {bare for surface in used if (bare := _bare(surface)) in surfaces}
    made = _chosen(known, {surface: surfaces[surface] for surface in used}, unique)
    changed = {}
    forward, backward = _forward(made), _reverse(made)
    for text in unique:
        if not spans[text]:
            continue
        changed[text] = _put(text, spans[text], forward)
        if _back(changed[text], backward) != text:
            changed[text], made = _in_tokens(text, spans[text], made)
            backward = _reverse(made)
    counts = Counter(s.kind for text in texts if text for s in spans[text] if s.kind != "again")
    return made, [changed.get(text, text) if text else text for text in texts], counts


def _sender_form(name: str) -> str:
    """How a sender's name is looked for in texts: 媽媽 and single letters only where they are the sender."""
    if len(name) < 2 or is_word(name):
        return _SENDER
    return "latin" if re.fullmatch(r"[A-Za-z][A-Za-z .'-]+", name) else "nick"


def _with_given(surfaces: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """With the given names of the full names, where they are no words: 小美 of 王小美."""
    more = {}
    for surface, (kind, family) in surfaces.items():
        if kind == "person" and family == "full" and len(given := given_of(surface)) == 2 and not is_word(given):
            more[given] = ("person", "given")
        if (
            kind == "person"
            and family == "latin"
            and (words := surface.split(" "))
            and len(words) > 1
            and "." not in words[0]
            and len(words[0]) > 2
        ):
            more[words[0]] = ("person", "latin")
    # 小美 of 王小美 is a given name, not a nickname.
    return surfaces | {word: how for word, how in more.items() if word not in _NOT_ALONE and not _other(surfaces, word)}


def _other(surfaces: dict[str, tuple[str, str]], word: str) -> bool:
    return word in surfaces and surfaces[word][1] != "nick"


_NOT_ALONE: Final = frozenset(
    [
        "Miss",
        "Doctor",
        "Professor",
        "Coach",
        "Pastor",
        "Aunt",
        "Uncle",
        "Nurse",
        "Officer",
        "Father",
        "Sister",
        "Principal",
        "Mrs",
        "Prof",
        "Rev",
    ]
)


def _everywhere(text: str, found: list[Span], surfaces: dict[str, tuple[str, str]]) -> list[Span]:
    again = list(found)
    for surface, (kind, family) in surfaces.items():
        if surface in text:
            again += mentions(text, surface, kind, family)
    return apart(again)


def mentions(text: str, surface: str, kind: str, family: str) -> list[Span]:
    """Where a text mentions what was introduced elsewhere: a Latin name by itself only, one character nowhere."""
    looked_for = len(surface) >= 3 if kind != "person" else family in _KNOWN_AGAIN and len(surface) > 1
    if not looked_for and kind != "again":
        return []
    places = _places(text, surface)
    return [Span(a, b, kind, family) for a, b in places if kind == "again" or _alone(text, a, b)]


def _places(text: str, surface: str) -> Iterator[tuple[int, int]]:
    start = text.find(surface)
    while start >= 0:
        yield start, start + len(surface)
        start = text.find(surface, start + len(surface))


def _alone(text: str, start: int, end: int) -> bool:
    """Whether a Latin name stands by itself and not inside a longer word."""
    before, after = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    return not any(len(pair) == 2 and pair.isascii() and pair.isalnum() for pair in (before if start else "", after))


def _chosen(known: ClientMap, surfaces: dict[str, tuple[str, str]], texts: list[str]) -> ClientMap:
    pairs = dict(known.pairs)
    surrogates = {pair[0] for pair in pairs.values()} | set(known.aliases)
    originals = set(surfaces) | set(pairs)
    everything = "\n".join(texts)
    given = {original: made for original, (made, kind, family) in pairs.items() if family in ("given", "nick")}
    for surface in sorted(
        surfaces.keys() - pairs.keys(),
        key=lambda s: (_bare(s) != s, surfaces[s][1] != "given", surfaces[s][1] != "full", s),
    ):
        kind, family = surfaces[surface]
        # A date may become another that is written too, since that is replaced as well; it never moves otherwise.
        others = surfaces.keys() if kind == "date" else frozenset[str]()
        for attempt in range(1 if kind == "date" else 24):
            bare = pairs.get(_bare(surface)) if not attempt else None
            # With the same invisible characters in it: once they are cleaned away, it is the one of the bare name.
            made = _woven(surface, bare[0]) if bare else ""
            made = made or surrogate(surface, kind, family, known.key, attempt, given if attempt < 2 else {})
            free = made not in surrogates and (made in others or (made not in originals and made not in everything))
            if kind != "again" and made != surface and free:
                break
        else:
            made = _token(surface, kind, known.key, surrogates | originals, everything)
        surrogates.add(made)
        pairs[surface] = (made, kind, family)
        if family == "given":
            given[surface] = made
    return ClientMap(known.key, pairs, dict(known.aliases))


def _token(surface: str, kind: str, key: bytes, taken: Iterable[str], everything: str) -> str:
    attempt = 0
    while (made := opaque(surface, kind, key, attempt)) in taken or made in everything:
        attempt += 1
    return made


def _in_tokens(text: str, spans: list[Span], found: ClientMap) -> tuple[str, ClientMap]:
    """A text with opaque surrogates, where the plain ones could not be read back beside their neighbours."""
    taken = {pair[0] for pair in found.pairs.values()} | found.aliases.keys()
    tokens = {text[s.start : s.end]: _token(text[s.start : s.end], s.kind, found.key, taken, text) for s in spans}
    aliases = found.aliases | {token: original for original, token in tokens.items()}
    return _put(text, spans, tokens), ClientMap(found.key, found.pairs, aliases)


def _put(text: str, spans: list[Span], surrogates: dict[str, str]) -> str:
    parts, last = [], 0
    for span in spans:
        parts += [text[last : span.start], surrogates[text[span.start : span.end]]]
        last = span.end
    return "".join([*parts, text[last:]])


def _forward(found: ClientMap) -> dict[str, str]:
    return {original: pair[0] for original, pair in found.pairs.items()}


def _reverse(found: ClientMap) -> dict[str, str]:
    return {made: original for original, (made, _, _) in found.pairs.items()} | found.aliases


def _back(text: str, originals: dict[str, str]) -> str:
    """Originals for surrogates, from the left, the longest first where several begin."""
    found = sorted((start, -end) for made in originals if made in text for start, end in _anywhere(text, made))
    parts, last = [], 0
    for start, minus_end in found:
        if start >= last:
            parts += [text[last:start], originals[text[start:-minus_end]]]
            last = -minus_end
    return "".join([*parts, text[last:]])


def _anywhere(text: str, made: str) -> Iterator[tuple[int, int]]:
    start = text.find(made)
    while start >= 0:
        yield start, start + len(made)
        start = text.find(made, start + 1)

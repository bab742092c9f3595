"""The shards of a table on a Ray cluster: Ray Data runs, regroups and, where a worker dies, runs again."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import socket
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from xinheng.errors import UsageError, XinhengError
from xinheng.shards import PART, Reduce, Send, Work, Workers, write_shard

# Of the cluster that is made here where RAY_ADDRESS names none.
_CPUS: Final = 2
# Where this is set, it is Ray that reads it.
_STRATEGY: Final = "RAY_DATA_DEFAULT_SHUFFLE_STRATEGY"


@contextmanager
def on_ray() -> Iterator[Workers]:
    """Ray Data over the shards' files, which all its nodes must be able to reach; a cluster made here is shut down."""
    ray, data = _imported()
    mine = _begun(ray)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    if not os.environ.get(_STRATEGY):
        # Of Ray's shuffles the one made of plain tasks, which lineage can repeat; twenty times as fast on few shards.
        context.shuffle_strategy = type(context.shuffle_strategy).SORT_SHUFFLE_PULL_BASED
    told = logging.getLogger("ray.data")
    level = told.level
    # An error is this process's to tell: Ray would print a stack trace, and Polars' errors quote values.
    told.setLevel(logging.CRITICAL)

    def of(shards: Sequence[str]) -> Any:
        return data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards))

    def each(work: Work, shards: Sequence[str]) -> list[bool]:
        with _readable(ray):
            tasks = of(shards).map_batches(functools.partial(_batch, work), batch_size=1, batch_format="pyarrow")
            done = {row["shard"]: row["done"] for row in tasks.take_all()}
        return [done[shard] for shard in shards]

    def regroup(send: Send, shards: Sequence[str], reduce: Reduce, folder: Path) -> list[str] | None:
        sent = of(shards).map_batches(functools.partial(_sent, send), batch_size=1, batch_format="pyarrow")
        parts = sent.groupby(PART, num_partitions=len(shards))
        with _readable(ray):
            try:
                reduced = functools.partial(_reduced, reduce, str(folder))
                paths = [row["path"] for row in parts.map_groups(reduced, batch_format="pyarrow").take_all()]
            except ray.exceptions.RayTaskError:
                return None
        return sorted(paths)

    try:
        yield Workers(each, regroup)
    finally:
        told.setLevel(level)
        if mine:
            ray.shutdown()


def _imported() -> tuple[Any, Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not os.environ.get("RAY_ADDRESS"):
        # The one way, read when Ray is imported, to keep its servers on loopback; off by default on Linux.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        return importlib.import_module("ray"), importlib.import_module("ray.data")
    except ImportError as error:
        raise UsageError(
            "curate", "Ray is not installed", mend='`pip install "xinheng[ray]"`, or take another engine.'
        ) from error


def _begun(ray: Any) -> bool:
    """Whether this process was not yet connected to a cluster, and is now."""
    if ray.is_initialized():
        return False
    if address := os.environ.get("RAY_ADDRESS"):
        # The tries to connect: each may last twenty seconds, and of itself Ray makes twenty.
        os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "2")
        try:
            _listened_at(address)
            ray.init(log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise _not_reached(address, error) from error
    else:
        ray.init(
            address="local",
            num_cpus=_CPUS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            _node_ip_address="127.0.0.1",
        )
    return True


def _listened_at(address: str) -> None:
    # Ray asks an address where nobody listens for a minute and a half.
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _not_reached(address: str, error: BaseException) -> UsageError:
    told = "".join(traceback.format_exception(error))
    if "Unauthenticated" in told or "AuthToken" in told:
        have, mend = "one that wants a token", "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH."
    else:
        have, mend = type(error).__name__, "Is it running, and of this version of Ray? Without RAY_ADDRESS one is made."
    return UsageError("curate", f"Ray's cluster at {address} was not reached", have=have, mend=mend)


def _batch(work: Work, batch: Any) -> Any:
    """A batch of shards' names (Arrow) with what came of each."""
    shards = batch.column("shard").to_pylist()
    import pyarrow as pa

    return pa.table({"shard": shards, "done": [work(shard) for shard in shards]})


def _sent(send: Send, batch: Any) -> Any:
    """The rows that a shard sends, as Ray's own shuffle takes them."""
    import polars as pl

    (shard,) = batch.column("shard").to_pylist()
    return send(shard).to_arrow(compat_level=pl.CompatLevel.oldest())


def _reduced(reduce: Reduce, folder: str, rows: Any) -> Any:
    """The file with what was made of a part's rows."""
    import polars as pl
    import pyarrow as pa

    frame = pl.DataFrame(pl.from_arrow(rows))
    if not frame.height:
        return pa.table({"path": pa.array([], pa.string())})
    path = Path(folder) / f"{frame[PART][0]:06}.part.arrow"
    write_shard(reduce(frame), path)
    return pa.table({"path": [str(path)]})


@contextmanager
def _readable(ray: Any) -> Iterator[None]:
    """What Ray cannot mend as one readable error."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise XinhengError(
            "curate",
            "Ray gave up on a shard",
            have=type(error).__name__,
            mend="Its worker may have run out of memory: take fewer rows per shard.",
        ) from error

"""The beginning of a worker process: how many threads it has, and that it ends with the process that made it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait


def begin_worker(threads: int = 1) -> None:
    """Prepare a pool's process, as its `initializer`.

    This module must not load Polars, which asks for its number of threads when it is imported. A pool's processes
    hold both ends of its queue, so they never learn by themselves that nobody is there to give them work: with
    their parent killed they would wait for ever, with all that they hold in memory. Ctrl-C on a terminal reaches them
    too: they end without a traceback, the parent says the one line there is to say.

    Args:
        threads: For Polars; as many as cores in each worker would be in each other's way.
    """
    os.putenv("POLARS_MAX_THREADS", str(threads))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    # Not sys.exit, which would end this thread alone.
    os._exit(1)

"""Work spread over the processor's cores by threads: whoever computes with torch on one of them does so alone there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_thread_each(workers: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """A pool of `workers` threads, as many as torch uses cores by default, in which every torch operation stays on its own core.

    Work that waits is dropped when the pool is left.
    """
    cores = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers or min(cores, os.cpu_count() or 1), "clvap-core", torch.set_num_threads, (1,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(cores)  # what a worker sets for itself is also the default of threads to come

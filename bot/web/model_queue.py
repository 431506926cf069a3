"""The bounded line before the model: work on threads, so that the event loop stays free."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from prometheus_client import Gauge

WAITING = Gauge("policybot_model_queue", "Questions and searches being worked on or waiting.")
_END = object()
T = TypeVar("T")


class QueueFullError(Exception):
    """Too many wait already."""


class ModelQueue:
    """Runs at most `workers` pieces of work at once, while at most `waiting` others wait.

    A piece of work given up (by timeout, or because the client is gone) keeps its place until
    its thread is done with it, so that giving up does not make room for ever more work.
    """

    def __init__(self, workers: int, waiting: int, timeout_s: float) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="model")
        self._room = threading.BoundedSemaphore(workers + waiting)
        self._timeout_s = timeout_s

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`. Raises QueueFullError, TimeoutError, and what `work` raises."""
        async with asyncio.timeout(self._timeout_s):
            return await asyncio.wrap_future(self._submit(work))

    async def stream(self, work: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """What `work` yields, as it does. Raises like `run`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        box: asyncio.Queue[object] = asyncio.Queue()
        given_up = threading.Event()

        def put(item: object) -> None:
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(box.put_nowait, item)

        def consume() -> None:
            try:
                for item in work():
                    if given_up.is_set():
                        return
                    put(item)
                put(_END)
            except Exception as error:
                put(error)

        future = self._submit(consume)
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    item = await box.get()
                if item is _END:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item  # type: ignore[misc]
        finally:
            given_up.set()
            future.cancel()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        if not self._room.acquire(blocking=False):
            raise QueueFullError
        WAITING.inc()
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._leave())
        return future

    def _leave(self) -> None:
        WAITING.dec()
        self._room.release()

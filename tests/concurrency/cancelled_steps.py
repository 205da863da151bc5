"""Cancel a task at its n-th suspension, for every n, and look at what is left each time."""

import asyncio
import threading
from collections import Counter
from functools import partial
from pathlib import Path

from observed_plugins import PATIENCE
from storm_plugin import children

from scaffold.contract._errors.masking import ANY_EXCEPTION
from scaffold.host._concurrency.waiting import async_wait_until

WAYS = ("at once", "soon", "with the result", "twice")
"""When the cancellation comes: as the task suspends, a turn later, as its wait ends, repeatedly."""


class CancelledAt:
    """Awaits a coroutine, and cancels the task that awaits it at the n-th suspension."""

    def __init__(self, work, number, way):
        self.suspensions = 0
        self._work = work
        self._number = number
        self._way = way

    def __await__(self):
        steps = self._work.__await__()
        resume = partial(steps.send, None)
        while True:
            try:
                waits_for = resume()
            except StopIteration as end:
                return end.value
            self.suspensions += 1
            if self.suspensions == self._number:
                self._cancel(asyncio.current_task(), waits_for)
            try:
                resume = partial(steps.send, (yield waits_for))
            except ANY_EXCEPTION as error:
                resume = partial(steps.throw, error)

    def _cancel(self, task, waits_for):
        loop = asyncio.get_running_loop()
        if self._way in {"at once", "twice"}:
            task.cancel()
        if self._way == "twice":
            loop.call_soon(loop.call_soon, task.cancel)
        elif self._way == "with the result" and isinstance(waits_for, asyncio.Future):
            waits_for.add_done_callback(lambda _: task.cancel())
        elif self._way != "at once":
            loop.call_soon(task.cancel)


def present():
    """Count what can be left behind: tasks, threads, child processes and descriptors."""
    things = Counter(one.name for one in threading.enumerate() if one.name != "watch")
    things.update(map(str, children()))
    things["tasks"] = len(asyncio.all_tasks())
    things["descriptors"] = sum(1 for _ in Path("/dev/fd").iterdir())
    return things


async def cancel_everywhere(prepare, work, check, way):
    """Cancel some work at each of its suspensions; return how many there are.

    Args:
        prepare: Awaited first, each time; it returns what `work` and `check` get.
        work: Returns the coroutine to cancel.
        check: Awaited afterwards, with True if the work was cancelled; it undoes `prepare`.
        way: One of `WAYS`.
    """
    number, cancelled = 0, True
    while cancelled:
        number += 1
        before = present()
        subject = await prepare()
        steps = CancelledAt(work(subject), number, way)

        async def run(steps=steps):
            return await steps

        task = asyncio.create_task(run())
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        assert done, f"it hangs after a cancellation at suspension {number}"
        cancelled = task.cancelled()
        assert cancelled or task.exception() is None, (number, task.exception())
        assert cancelled <= (steps.suspensions >= number), "nobody has cancelled it"
        await check(subject, cancelled)
        del task, steps, run, subject
        gone = await async_wait_until(lambda before=before: present() <= before, PATIENCE)
        assert gone, (number, present() - before)
    return number - 1

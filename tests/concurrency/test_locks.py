"""Locks that are taken in the wrong order are found by the tests, before they meet."""

import os
import threading

import pytest

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import (
    CHECKED,
    LockOrderError,
    Rank,
    lock,
    no_lock_held,
    reentrant_lock,
)


def test_the_tests_run_with_checked_locks():
    assert CHECKED


def test_a_lock_may_be_taken_while_one_of_lower_rank_is_held():
    with lock(Rank.HOST), lock(Rank.CONNECTION):
        pass


def test_a_lock_may_not_be_waited_for_while_one_of_higher_rank_is_held():
    with (
        lock(Rank.CONNECTION),
        pytest.raises(LockOrderError, match="lock HOST is taken while the thread holds CONNECTION"),
    ):
        lock(Rank.HOST).acquire()


def test_two_locks_of_one_rank_may_not_be_held():
    with lock(Rank.STORE), pytest.raises(LockOrderError):
        lock(Rank.STORE).acquire()


def test_a_lock_that_is_not_waited_for_may_be_taken_in_any_order():
    host = lock(Rank.HOST)
    with lock(Rank.CONNECTION):
        assert host.acquire(blocking=False)
        host.release()


def test_a_reentrant_lock_may_be_taken_again():
    again = reentrant_lock(Rank.CONNECTION)
    with again, again:
        pass
    no_lock_held("nothing")


def test_code_of_users_may_not_be_called_under_a_lock():
    with (
        lock(Rank.HOST),
        pytest.raises(LockOrderError, match="a listener is called while the thread holds HOST"),
    ):
        no_lock_held("a listener")


def test_each_thread_holds_its_own_locks():
    errors = []

    def take():
        try:
            with lock(Rank.HOST):
                pass
        except LockOrderError as error:
            errors.append(error)

    with lock(Rank.STORE):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    assert errors == []


class Counter:
    def __init__(self, log=None):
        self.forks = 0
        self.log = log
        reset_after_fork(self.count)

    def count(self):
        self.forks += 1
        if self.log is not None:
            self.log.append(self)


def in_a_fork(work):
    """Return the exit status of a fork in which `work` returns it."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_resets_what_registered_itself_in_the_order_of_registration():
    log = []
    first, second = Counter(log), Counter(log)
    assert in_a_fork(lambda: 0 if log == [first, second] else 1) == 0
    assert log == []


def test_an_object_that_is_gone_is_not_reset():
    log = []
    Counter(log)
    assert in_a_fork(lambda: len(log)) == 0


def test_a_reset_that_fails_does_not_keep_others_from_being_made():
    class Broken(Counter):
        def count(self):
            raise ValueError("broken")

    broken, counter = Broken(), Counter()
    assert in_a_fork(lambda: counter.forks) == 1
    assert broken.forks == 0

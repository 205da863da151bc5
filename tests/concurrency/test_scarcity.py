"""Without room for a thread or a descriptor a call fails by name, and the next one works."""

import logging
import threading
from pathlib import Path

import pytest
from slow_channels import ask, open_blocking, run_program

from scaffold.client._process.launch import NoRoom
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed


@pytest.fixture
def channel():
    channel = open_blocking()
    yield channel
    channel.close()


def names_of_descriptors():
    return sorted(one.name for one in Path("/dev/fd").iterdir())


def crash(channel):
    with pytest.raises(PeerCrashed):
        ask(channel, "die")


def test_a_restart_without_room_for_a_thread_fails_by_name_and_the_next_works(channel, no_threads):
    crash(channel)
    no_threads.set()
    for _ in range(8):  # more often than a plugin may fail to start
        with pytest.raises(NoRoom, match="cannot be restarted: can't start new thread"):
            ask(channel, "0 x")
    no_threads.clear()
    assert ask(channel, "0 x") == "x"


def test_a_channel_closes_after_a_restart_that_could_not_begin(channel, no_threads):
    crash(channel)
    no_threads.set()
    with pytest.raises(NoRoom):
        ask(channel, "0 x")
    channel.close()
    with pytest.raises(ConnectFailed, match="the channel is closed"):
        ask(channel, "0 x")


def test_a_plugin_does_not_start_without_a_thread_and_leaves_nothing(no_threads):
    before = names_of_descriptors()
    no_threads.set()
    with pytest.raises(NoRoom, match="can't start new thread"):
        open_blocking()
    assert names_of_descriptors() == before


def test_deadlines_are_kept_without_a_thread_that_watches(channel, no_threads):
    no_threads.set()
    with pytest.raises(Exception, match="within 1 s"):
        ask(channel, "30 never", "short_timeout")
    no_threads.clear()
    assert ask(channel, "0 x") == "x"


NO_DESCRIPTORS = """
    import os, resource, time
    from busy import quiet_seconds_since
    from slow_channels import ask, open_blocking

    def take_all():
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
        taken = []
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                return taken

    def fails(what, hook):
        try:
            return ask(channel, what, hook)
        except Exception as error:
            return f"{type(error).__name__} {error}"

    channel = open_blocking()
    assert ask(channel, "0 x") == "x"
    fails("0 x", "medium_timeout")
"""


def test_deadlines_are_kept_without_a_free_descriptor():
    run_program(
        NO_DESCRIPTORS
        + """
    taken = take_all()
    started = time.monotonic()
    said = fails("30 never", "short_timeout")
    for descriptor in taken:
        os.close(descriptor)
    assert quiet_seconds_since(started) < 6
    assert said.startswith("DeadlineExceeded"), said
    assert ask(channel, "0 x") == "x"
    channel.close()
    """
    )


def test_a_restart_without_a_free_descriptor_fails_by_name_and_the_next_works():
    run_program(
        NO_DESCRIPTORS
        + """
    taken = take_all()
    fails("die", "medium_timeout")
    started = time.monotonic()
    said = [fails("0 x", "medium_timeout") for _ in range(8)]
    for descriptor in taken:
        os.close(descriptor)
    assert quiet_seconds_since(started) < 8
    assert all(one.startswith("NoRoom") for one in said), said
    assert ask(channel, "0 x") == "x"
    channel.close()
    """
    )


def test_a_forgotten_channel_is_ended_without_waiting_for_a_log_handler_that_is_busy():
    run_program("""
        import gc, logging, os, threading, time
        from slow_channels import open_blocking

        handler = logging.StreamHandler(open(os.devnull, "w"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        channel = open_blocking()
        pid = channel._connection.process._child.pid
        handler.acquire()  # as where a record is being formatted
        del channel
        gc.collect()
        handler.release()
        for _ in range(2000):
            if not os.path.exists(f"/proc/{pid}"):
                break
            time.sleep(0.005)
        else:
            raise SystemExit("still there")
        while threading.active_count() > 1:
            time.sleep(0.005)
    """)


def test_a_forgotten_connection_does_not_wait_for_the_collector():
    run_program("""
        import gc, os, time
        from slow_channels import open_blocking

        gc.disable()
        channel = open_blocking()
        pid = channel._connection.process._child.pid
        del channel
        for _ in range(2000):
            if not os.path.exists(f"/proc/{pid}"):
                break
            time.sleep(0.005)
        else:
            raise SystemExit("still there")
    """)


def test_a_log_handler_may_close_the_channel_whose_process_it_logs():
    channel = open_blocking()
    closed = threading.Event()

    class Closes(logging.Handler):
        def emit(self, record):
            channel.close()
            closed.set()

    handler = Closes()
    logger = logging.getLogger("plugin.long_timeout")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        channel._connection.process.close_input()
        assert closed.wait(20)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        channel.close()


def test_a_program_that_calls_a_dead_plugin_at_its_exit_ends():
    run_program("""
        import atexit
        from slow_channels import ask, open_blocking

        channel = open_blocking()

        @atexit.register
        def bye():
            try:
                print(ask(channel, "0 x"))
            except Exception as error:
                print(type(error).__name__)
            channel.close()

        try:
            ask(channel, "die")
        except Exception as error:
            print(type(error).__name__)
    """)

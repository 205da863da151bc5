"""What the exit of the interpreter does to calls that daemon threads are making."""

import pytest
from slow_channels import run_program

PROGRAM = """
    import sys, threading
    from slow_channels import ask, open_blocking
    from scaffold.contract import ScaffoldError

    channel = open_blocking()
    outcomes = []

    def call_until_refused():
        try:
            while True:
                ask(channel, "0 x")
                calling.set()
        except ScaffoldError as error:
            outcomes.append(type(error).__name__)
        except BaseException as error:
            sys.stdout.write(f"{error!r}\\n")
            sys.stdout.flush()

    calling = threading.Event()
    threads = [threading.Thread(target=call_until_refused, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    calling.wait()
"""


@pytest.mark.parametrize("count", [1, 6])
def test_calls_of_daemon_threads_end_with_an_error_of_their_own_at_the_exit(count):
    for _ in range(3):
        assert run_program(PROGRAM.replace("THREADS", str(count))) == ""


def test_no_process_is_started_once_the_interpreter_exits():
    said = run_program("""
        import atexit

        @atexit.register
        def after_the_exit_handler_of_the_channels():
            try:
                open_blocking()
            except ConnectFailed as error:
                print(error)

        from slow_channels import open_blocking
        from scaffold.contract import ConnectFailed

        channel = open_blocking()
        """)
    assert "the interpreter is about to exit" in said

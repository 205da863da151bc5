"""What the first call of a hook imports: no signal and no fork finds it half done."""

import os
import sys

import pytest
from slow_channels import run_program

SLOW = """
import time
from pathlib import Path

here = Path(__file__).parent
with (here / "begun").open("a") as begun:
    begun.write("once ")
while not (here / "go").exists():
    time.sleep(0.005)
whole = True
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module that is imported until there is a file `go`."""
    (tmp_path / "slow_module.py").write_text(SLOW)
    return tmp_path


def test_an_interrupt_leaves_the_import_to_its_end(folder):
    said = run_program(
        """
        import signal, sys, threading
        from pathlib import Path
        from scaffold._concurrency.safe_imports import import_safely

        folder = Path(sys.argv[1])
        sys.path.insert(0, sys.argv[1])

        def interrupt():
            while not (folder / "begun").exists():
                pass
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            import_safely("slow_module")
        except KeyboardInterrupt:
            print("interrupted")
        (folder / "go").touch()
        import_safely("slow_module")
        import slow_module
        print(slow_module.whole, (folder / "begun").read_text())
        """,
        str(folder),
    )
    assert said.split() == ["interrupted", "True", "once"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.skipif(sys.platform == "darwin", reason="forks of threads are unsafe there")
def test_a_fork_waits_for_the_import_of_another_thread(folder):
    said = run_program(
        """
        import os, signal, sys, threading, time, warnings
        from pathlib import Path
        from scaffold._concurrency.safe_imports import import_safely

        warnings.simplefilter("ignore", DeprecationWarning)
        folder = Path(sys.argv[1])
        sys.path.insert(0, sys.argv[1])
        thread = threading.Thread(target=import_safely, args=("slow_module",))
        thread.start()
        while not (folder / "begun").exists():
            time.sleep(0.001)
        threading.Timer(0.1, (folder / "go").touch).start()
        child = os.fork()
        if not child:
            signal.alarm(20)  # a fork that hangs is ended
            import_safely("slow_module")
            import slow_module
            os._exit(0 if slow_module.whole else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        thread.join()
        """,
        str(folder),
    )
    assert said == "0\n"


def test_an_import_that_fails_is_raised_where_it_was_asked_for():
    said = run_program("""
        from scaffold._concurrency.safe_imports import import_safely

        try:
            import_safely("no_such_module_here")
        except ModuleNotFoundError as error:
            print(error.name)
    """)
    assert said == "no_such_module_here\n"

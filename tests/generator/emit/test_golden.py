"""What is written of a kind, kept whole: see the folders under `tests/generator/golden`."""

import shutil

from emitted_files import everything, write


def test_a_kind_is_written_as_it_was(case, request):
    expected = case.parent / "expected"
    files = everything(case)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(expected, ignore_errors=True)
        write(expected, files)
    kept = {
        path.relative_to(expected).as_posix(): path.read_bytes().decode()
        for path in expected.rglob("*")
        if path.is_file() and path.suffix != ".pyc"  # other tests import some of them
    }
    assert files == kept

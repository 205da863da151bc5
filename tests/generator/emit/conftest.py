"""The golden kinds and the shipped ones, one at a time and all together."""

import pytest
from emitted_files import everything, golden, shipped, write


@pytest.fixture(params=golden(), ids=lambda path: path.parent.name)
def case(request):
    return request.param


@pytest.fixture(params=[*golden(), *shipped()], ids=lambda path: path.parent.name)
def hookspec(request):
    return request.param


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """All golden and shipped kinds as packages in one folder, far from this repository."""
    folder = tmp_path_factory.mktemp("generated")
    for path in [*golden(), *shipped()]:
        files = everything(path)
        write(folder, {**files, f"{path.parent.name}/__init__.py": '"""A plugin."""\n'})
    return folder

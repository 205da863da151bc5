import pytest
from ways_to_odd_servers import WAYS


@pytest.fixture(params=WAYS)
def odd(request):
    """Opens a server with a fault, over every transport, blocking and awaited."""
    return WAYS[request.param]


@pytest.fixture(params=[way for way in WAYS if "stdio" in way])
def odd_process(request):
    """Opens a process with a fault, blocking and awaited."""
    return WAYS[request.param]

import pytest
from stdio_channels import CHANNELS, Keeper


@pytest.fixture(params=CHANNELS)
def open_channel(request):
    """Opens channels, of threads and of an event loop; nothing may be left of them."""
    keeper = Keeper(request.param)
    yield keeper
    keeper.close()
    assert keeper.left_behind() == []

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from scenarios import HTTP_ONLY, LEGS, Leg, run

pytestmark = [pytest.mark.peers, pytest.mark.slow]

BRIDGE = Path(__file__).with_name("bridge.py")


def wrong(leg: Leg, url: str, folder: Path, wanted: Iterable[str]) -> dict[str, list[str]]:
    """Run a leg; return what is wrong with the scenarios that are wanted."""
    ran = run(leg, url, folder)
    return {name: ran.get(name, ["has not run"]) for name in wanted if ran.get(name) != []}


@pytest.fixture(scope="session")
def over_http(serve: Callable[..., str]) -> str:
    return serve("-m", "everything", "--http", "--port", "0")


@pytest.fixture(scope="session")
def over_stdio(serve: Callable[..., str]) -> str:
    return serve(str(BRIDGE), "everything")


@pytest.mark.parametrize("leg", LEGS, ids=str)
def test_every_scenario_for_tools_passes_over_http(
    leg: Leg, over_http: str, tmp_path: Path
) -> None:
    assert wrong(leg, over_http, tmp_path, leg.scenarios) == {}


@pytest.mark.parametrize("leg", LEGS, ids=str)
def test_every_scenario_that_is_not_about_http_passes_over_stdio(
    leg: Leg, over_stdio: str, tmp_path: Path
) -> None:
    wanted = [name for name in leg.scenarios if name not in HTTP_ONLY]
    assert wrong(leg, over_stdio, tmp_path, wanted) == {}


def test_the_scenarios_are_all_that_apply() -> None:
    every = [name for leg in LEGS for name in leg.scenarios]
    assert len(every) == 56
    assert sum(name not in HTTP_ONLY for name in every) == 51

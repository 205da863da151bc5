from scaffold.server._protocol.call_speed import Pace


def test_a_function_is_trusted_after_many_quick_calls_in_a_row() -> None:
    pace = Pace()
    for _ in range(31):
        pace.took(0.000_05)
    pace.took(0.001)
    assert not pace.is_trusted
    for _ in range(32):
        pace.took(0.000_05)
    assert pace.is_trusted


def test_trust_outlives_a_hiccup_but_no_wait_and_is_harder_to_earn_again() -> None:
    pace = Pace()
    for _ in range(32):
        pace.took(0.000_05)
    pace.took(0.001)
    assert pace.is_trusted
    pace.took(0.2)
    assert not pace.is_trusted
    for _ in range(255):
        pace.took(0.000_05)
    assert not pace.is_trusted
    pace.took(0.000_05)
    assert pace.is_trusted


def test_slow_calls_in_a_row_break_the_trust() -> None:
    pace = Pace()
    for _ in range(32):
        pace.took(0.000_05)
    for seconds in (0.01, 0.01, 0.000_05, 0.01, 0.01):
        pace.took(seconds)
    assert pace.is_trusted
    pace.took(0.01)
    assert not pace.is_trusted

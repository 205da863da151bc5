from scaffold.server._protocol.toolbox import CallSpeed


def test_a_function_is_fast_after_many_quick_calls_in_a_row() -> None:
    speed = CallSpeed()
    for _ in range(31):
        speed.record(0.000_05)
    speed.record(0.001)
    assert not speed.is_fast
    for _ in range(32):
        speed.record(0.000_05)
    assert speed.is_fast


def test_trust_outlives_a_hiccup_but_no_wait_and_is_harder_to_earn_again() -> None:
    speed = CallSpeed()
    for _ in range(32):
        speed.record(0.000_05)
    speed.record(0.001)
    assert speed.is_fast
    speed.record(0.2)
    assert not speed.is_fast
    for _ in range(255):
        speed.record(0.000_05)
    assert not speed.is_fast
    speed.record(0.000_05)
    assert speed.is_fast


def test_slow_calls_in_a_row_break_the_trust() -> None:
    speed = CallSpeed()
    for _ in range(32):
        speed.record(0.000_05)
    for seconds in (0.01, 0.01, 0.000_05, 0.01, 0.01):
        speed.record(seconds)
    assert speed.is_fast
    speed.record(0.01)
    assert not speed.is_fast

"""Steps between versions."""

import pytest

from scaffold.generator._compare.report import Bump, bump_between, satisfies


@pytest.mark.parametrize(
    ("old", "new", "made"),
    [
        ("1.0.0", "1.0.0", Bump.NONE),
        ("1.0.0", "1.0.1", Bump.PATCH),
        ("1.0.9", "1.1.0", Bump.MINOR),
        ("1.9.9", "2.0.0", Bump.MAJOR),
        ("1.9.0", "1.10.0", Bump.MINOR),
        ("1.1.0", "1.0.9", Bump.NONE),
        ("0.1.0", "0.2.0", Bump.MAJOR),
        ("0.1.0", "0.1.1", Bump.MINOR),
        ("0.9.0", "1.0.0", Bump.MAJOR),
        ("1.0.0+a", "1.0.0+b", Bump.NONE),
        ("1.0.0", "2.0.0-rc.1", Bump.MAJOR),
    ],
)
def test_the_step_between_two_versions_is_named(old, new, made):
    assert bump_between(old, new) is made


def test_what_follows_a_pre_release_may_break():
    assert satisfies("2.0.0-rc.1", "2.0.0-rc.2", Bump.MAJOR)
    assert satisfies("2.0.0-rc.1", "2.0.0", Bump.MAJOR)
    assert not satisfies("2.0.0-rc.1", "1.9.0", Bump.MAJOR)


def test_a_greater_step_than_asked_for_is_fine():
    assert satisfies("1.0.0", "2.0.0", Bump.PATCH)
    assert not satisfies("1.0.0", "1.0.1", Bump.MINOR)

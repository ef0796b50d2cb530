"""Marks the tests that are listed as failing, so that each is seen and none is forgotten."""

from pathlib import Path

import pytest

TO_MEND = Path(__file__).with_name("to_mend.txt")
"""One test id a line. An entry goes when its test passes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the listed tests to fail; one that passes is reported as XPASS."""
    listed = set(TO_MEND.read_text("utf-8").splitlines())
    for item in items:
        if item.nodeid in listed:
            item.add_marker(pytest.mark.xfail(reason="listed in tests/to_mend.txt", strict=False))

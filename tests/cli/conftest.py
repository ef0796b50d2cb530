from pathlib import Path

import pytest

from tests.cli.tiny import TINY, call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that has been trained and converted."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.toml").write_text(TINY.format(steps=30))
    code, _, stderr = call(
        "train", folder / "run", "--config", folder / "tiny.toml", "--test-trials", 2
    )
    assert code == 0
    assert stderr.strip() == (folder / "run" / "config.toml").read_text().strip()
    assert call("convert", folder / "run", "--trials", 2)[0] == 0
    return folder / "run"

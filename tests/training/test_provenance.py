"""What a trained network says it was made from."""

from pathlib import Path

import pytest

from spiking_bimt.data import store
from spiking_bimt.errors import InputError
from spiking_bimt.run_folder import require
from spiking_bimt.stages.train import train
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase

CONFIG = TrainConfig(
    phases=(Phase("grow", steps=2, dt=20.0, batch=4),), tasks=("go", "anti"), sheet=(4, 5), pool=4,
    checkpoint_every=1, validation_trials=1,
)  # fmt: skip


def test_a_configuration_that_is_edited_during_the_training_is_not_the_networks(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    trained_with = []

    def edit(_settings: str) -> None:
        trained_with.append(store.sha256(path))
        path.write_text(path.read_text().replace("batch = 4", "batch = 8"))

    train(tmp_path, config=CONFIG, test_trials=1, announce=edit)
    made = store.provenance(tmp_path / "rate.h5", "RateNetwork")
    assert made.inputs["config.toml"] == trained_with[0] != store.sha256(path)
    with pytest.raises(InputError, match=r"rate\.h5 was made from another config\.toml"):
        require(tmp_path, "rate.h5")

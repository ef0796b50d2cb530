"""A task of one's own: which of two noisy stimuli was stronger? The answer is due after a delay."""

from typing import Any

import numpy as np
from neurogym.core import TrialEnv
from neurogym.utils import spaces


class Compare(TrialEnv):  # type: ignore[misc]
    """Inputs: fixation cue and two stimuli. Actions: keep fixation (0), first or second."""

    def __init__(self, dt: float = 100) -> None:
        super().__init__(dt=dt)
        self.timing = {"fixation": 200, "stimulus": 400, "delay": 200, "decision": 300}
        channels = {"fixation": 0, "stimulus": [1, 2]}
        self.observation_space = spaces.Box(-np.inf, np.inf, name=channels, shape=(3,))
        self.action_space = spaces.Discrete(3, name={"fixation": 0, "choice": [1, 2]})

    def _new_trial(self, **_: Any) -> dict[str, Any]:
        stronger = self.rng.randint(2)
        levels = np.where(np.arange(2) == stronger, 0.8, 0.4)
        self.add_period(["fixation", "stimulus", "delay", "decision"])
        self.add_ob(1, ["fixation", "stimulus", "delay"], where="fixation")
        self.add_ob(levels, "stimulus", where="stimulus")
        self.add_randn(0, 0.2, "stimulus", where="stimulus")
        self.set_groundtruth(1 + stronger, "decision")
        return {"ground_truth": 1 + stronger}

    def _step(self, _action: Any) -> tuple[Any, ...]:
        return self.ob_now, 0, False, False, {"new_trial": False, "gt": self.gt_now}

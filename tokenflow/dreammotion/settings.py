"""What an optimisation depends on, beside model and latents."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenflow.job import DreamMotion


@dataclass(frozen=True)
class BendSettings:
    """How a shot is bent towards a prompt.

    Attributes
    ----------
    prompt, source_prompt, negative_prompt
        What to make of the shot, what it shows, and the words of the unguided prediction.
    guidance
        Weight w of the prompt; at 1 it is not guided.
    seed
        Key of noise and noise levels.
    how
        The method's own part of the job.
    weights
        What the losses of shape and motion are multiplied by, beside what the job says: they make
        1 mean as much for one model as for another.
    """

    prompt: str = ""
    source_prompt: str = ""
    negative_prompt: str = ""
    guidance: float = 7.5
    seed: int = 1
    how: DreamMotion = field(default_factory=DreamMotion)
    weights: tuple[float, float] = (1.0, 1.0)

    @property
    def held(self) -> bool:
        """Whether features are compared at all."""
        return self.how.structure > 0 or self.how.motion > 0

    @property
    def evaluations(self) -> int:
        """How often the UNet sees a window in one step."""
        guided, features = self.guidance != 1, self.how.features if self.held else None
        # (x̂, ŷ) and (x, y) always; (x̂, ∅) and (x, ∅) for guidance or their keys.
        unguided = guided or features == "null"
        return 2 + 2 * unguided + (features == "source")

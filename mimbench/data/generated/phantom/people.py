"""Who is photographed: what the pictures of one patient have in common.

Every trait is drawn alike for every category, so none of them tells the category.
"""

from dataclasses import dataclass

import numpy as np

from mimbench.data.generated.phantom.pigments import melanin_for

__all__ = ["Person"]

# Lowest ITA, degrees, of each group: Chardon et al. (1991), Del Bino & Bernerd (2013).
_TONES = ((55.0, "I"), (41.0, "II"), (28.0, "III"), (10.0, "IV"), (-30.0, "V"), (-58.0, "VI"))
_LIMITS = tuple(limit for limit, _ in _TONES)


@dataclass(frozen=True)
class Person:
    """Skin, hair, disease and photographer of one patient.

    Attributes:
        tone_angle: individual typology angle, degrees; lower is darker.
        melanin, blood, yellow: amounts of the pigments in unaffected skin.
        mottling: unevenness of the pigments.
        relief: depth of skin lines and pores, 1 on average.
        freckles: number of freckles.
        hair: hairs in the picture, before the picture's own variation.
        hair_melanin: 0 blond to 1 black.
        affected: share of the picture that lesions cover.
        severity: strength of the lesions' own colour and relief, 1 on average.
        redness: strength of the inflammation around lesions, 1 on average.
        exposure: photographer's habit, stops.
        warmth: white balance error towards red, natural logarithm.
        blur: standard deviation, share of the picture's side.
        grain: standard deviation of the sensor's noise, 0..1 of full scale.
    """

    tone_angle: float
    melanin: float
    blood: float
    yellow: float
    mottling: float
    relief: float
    freckles: int
    hair: float
    hair_melanin: float
    affected: float
    severity: float
    redness: float
    exposure: float
    warmth: float
    blur: float
    grain: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Person":
        """Draw a person."""
        group = int(rng.integers(len(_TONES)))
        angle = float(rng.uniform(_TONES[group][0], (66.0, *_LIMITS)[group]))
        return cls(
            tone_angle=angle,
            melanin=melanin_for(angle),
            blood=float(rng.uniform(0.0, 0.25)),
            yellow=float(rng.uniform(0.0, 0.25)),
            mottling=float(rng.lognormal(0.0, 0.4)),
            relief=float(rng.lognormal(0.2, 0.8)),
            freckles=int(rng.integers(10, 90)) if rng.random() < 0.2 else 0,
            hair=float(rng.lognormal(2.6, 1.0)) if rng.random() < 0.6 else 0.0,
            hair_melanin=float(np.clip(rng.normal(0.75 - angle / 200.0, 0.2), 0.15, 1.0)),
            affected=float(np.exp(rng.uniform(np.log(0.06), np.log(0.16)))),
            severity=float(rng.uniform(0.75, 1.15)),
            redness=float(rng.uniform(0.5, 1.2)),
            exposure=float(rng.normal(0.0, 0.22)),
            warmth=float(rng.normal(0.0, 0.07)),
            blur=float(rng.lognormal(np.log(0.005), 0.7)),
            grain=min(float(rng.lognormal(np.log(0.011), 0.8)), 0.04),
        )

    @property
    def skin_tone(self) -> str:
        """Fitzpatrick-like group, "I" (very light) to "VI" (dark)."""
        return next(name for limit, name in _TONES if self.tone_angle >= limit)

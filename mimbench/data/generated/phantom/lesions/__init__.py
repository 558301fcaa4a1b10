"""Nineteen morphologies, each painted on a canvas by one function.

Affected area, strength and redness come from the same draws for all (`Eruption`). A morphology
sets how many lesions share the area, what part of it they cover, and what they look like.
"""

from collections.abc import Callable, Mapping

from mimbench.data.generated.phantom.canvas import Canvas
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.lesions.blisters import (
    bullae,
    umbilicated_pustules,
    vesicle_clusters,
)
from mimbench.data.generated.phantom.lesions.lines import linear_burrows, telangiectasia
from mimbench.data.generated.phantom.lesions.lumps import (
    comedones,
    domed_papules,
    nodules,
    warty_growths,
    wheals,
)
from mimbench.data.generated.phantom.lesions.patches import (
    depigmented_patches,
    macules,
    purpura,
    target_lesions,
)
from mimbench.data.generated.phantom.lesions.scaly import (
    annular_scale,
    honey_crusts,
    lichenified_patches,
    silvery_plaques,
    ulcers,
)

__all__ = ["MORPHOLOGIES"]

MORPHOLOGIES: Mapping[str, Callable[[Canvas, Eruption], None]] = {
    paint.__name__: paint
    for paint in (
        umbilicated_pustules,
        annular_scale,
        bullae,
        comedones,
        depigmented_patches,
        domed_papules,
        honey_crusts,
        lichenified_patches,
        linear_burrows,
        macules,
        nodules,
        purpura,
        silvery_plaques,
        target_lesions,
        telangiectasia,
        ulcers,
        vesicle_clusters,
        warty_growths,
        wheals,
    )
}

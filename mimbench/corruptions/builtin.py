"""The 19 corruptions of ImageNet-C, known without a suite.

Source: Hendrycks & Dietterich 2019, arXiv:1903.12261.
"""

from mimbench.corruptions.definition import Corruption

__all__ = ["BUILTIN"]

BUILTIN = {
    name: Corruption(name, name)
    for name in (
        "gaussian_noise",
        "shot_noise",
        "impulse_noise",
        "defocus_blur",
        "glass_blur",
        "motion_blur",
        "zoom_blur",
        "snow",
        "frost",
        "fog",
        "brightness",
        "contrast",
        "elastic_transform",
        "pixelate",
        "jpeg_compression",
        "speckle_noise",
        "gaussian_blur",
        "spatter",
        "saturate",
    )
}

"""The 19 corruptions of ImageNet-C, known without a suite.

Source: Hendrycks & Dietterich 2019, arXiv:1903.12261; parameters as in `imagecorruptions`, that is
of the 224-pixel version, in pixels whatever the size of the image. The pictures are the package's,
not those of the published ImageNet-C files: these are compressed as JPEG once more, their motion
blur is ImageMagick's, and their elastic transform has an affine part.
"""

from mimbench.corruptions.definition import Corruption

__all__ = ["BUILTIN"]


def _define(name: str, **parameters: tuple[float, ...]) -> Corruption:
    return Corruption(name, name, parameters)


BUILTIN = {
    corruption.name: corruption
    for corruption in (
        _define("gaussian_noise", sigma=(0.08, 0.12, 0.18, 0.26, 0.38)),
        _define("shot_noise", photons=(60, 25, 12, 5, 3)),
        _define("impulse_noise", amount=(0.03, 0.06, 0.09, 0.17, 0.27)),
        _define("defocus_blur", radius=(3, 4, 6, 8, 10), softness=(0.1, 0.5, 0.5, 0.5, 0.5)),
        _define(
            "glass_blur",
            sigma=(0.7, 0.9, 1, 1.1, 1.5),
            reach=(1, 2, 2, 3, 4),
            rounds=(2, 1, 3, 2, 2),
        ),
        _define("motion_blur", radius=(10, 15, 15, 15, 20), sigma=(3, 5, 8, 12, 15)),
        _define(
            "zoom_blur", limit=(1.11, 1.16, 1.21, 1.26, 1.31), step=(0.01, 0.01, 0.02, 0.02, 0.03)
        ),
        _define(
            "snow",
            density=(0.1, 0.2, 0.55, 0.55, 0.55),
            spread=(0.3, 0.3, 0.3, 0.3, 0.3),
            size=(3, 2, 4, 4.5, 2.5),
            threshold=(0.5, 0.5, 0.9, 0.85, 0.85),
            radius=(10, 12, 12, 12, 12),
            sigma=(4, 4, 8, 8, 12),
            keep=(0.8, 0.7, 0.7, 0.65, 0.55),
        ),
        _define("frost", keep=(1, 0.8, 0.7, 0.65, 0.6), ice=(0.4, 0.6, 0.7, 0.7, 0.75)),
        _define("fog", thickness=(1.5, 2, 2.5, 2.5, 3), decay=(2, 2, 1.7, 1.5, 1.4)),
        _define("brightness", add=(0.1, 0.2, 0.3, 0.4, 0.5)),
        _define("contrast", scale=(0.4, 0.3, 0.2, 0.1, 0.05)),
        _define(
            "elastic_transform",
            alpha=(250 * 0.05, 250 * 0.065, 250 * 0.085, 250 * 0.1, 250 * 0.12),
        ),
        _define("pixelate", resolution=(0.6, 0.5, 0.4, 0.3, 0.25)),
        _define("jpeg_compression", quality=(25, 18, 15, 10, 7)),
        _define("speckle_noise", sigma=(0.15, 0.2, 0.35, 0.45, 0.6)),
        _define("gaussian_blur", sigma=(1, 2, 3, 4, 6)),
        _define(
            "spatter",
            mean=(0.65, 0.65, 0.65, 0.65, 0.67),
            spread=(0.3, 0.3, 0.3, 0.3, 0.4),
            size=(4, 3, 2, 1, 1),
            threshold=(0.69, 0.68, 0.68, 0.65, 0.65),
            strength=(0.6, 0.6, 0.5, 1.5, 1.5),
            mud=(0, 0, 0, 1, 1),
        ),
        _define("saturate", scale=(0.3, 0.1, 2, 5, 20), offset=(0, 0, 0, 0.1, 0.2)),
    )
}

"""From light on the sensor to the pixels of a file."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated.phantom.canvas import Array
from mimbench.data.generated.phantom.people import Person

__all__ = ["ARCHIVE", "CAMERAS", "PHONE", "Camera"]


@dataclass(frozen=True)
class Camera:
    """A collection's way of taking, framing and storing pictures.

    Attributes:
        source: name of the collection, the value of the column `source`.
        white_balance: gains of red, green and blue.
        blur: standard deviation added to the photographer's, share of the picture's side.
        grain: standard deviation of noise added to the sensor's, 0..1 of full scale.
        resolution: side in pixels that the picture is stored at before it is resized; None: any.
        border: width of a frame around the picture, share of its side; 0: none.
        border_level: grey level of the frame, 0..255.
        watermark: text in the lower right corner; empty: none.
        jpeg_quality: 1..100, or None for no compression.
    """

    source: str
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0
    grain: float = 0.0
    resolution: int | None = None
    border: float = 0.0
    border_level: int = 0
    watermark: str = ""
    jpeg_quality: int | None = None

    def take(
        self, radiance: Array, size: int, person: Person, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Photograph a scene.

        Args:
            radiance: (3, H, W) linear light, H = W a multiple of `size`.
            size: side of the picture in pixels.
            person: whose photographer holds the camera.
            rng: stream of this picture's camera.

        Returns:
            uint8 (size, size, 3), RGB.
        """
        light = self._develop(radiance, size, person, rng)
        picture = self._add_noise(light, person, rng)
        picture = np.clip(picture * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        return self._store(picture)

    def _develop(
        self, radiance: Array, size: int, person: Person, rng: np.random.Generator
    ) -> Array:
        """Exposure, white balance, lens blur, resampling and tone curve: (size, size, 3), 0..1."""
        stops = person.exposure + float(rng.normal(0.0, 0.12))
        warmth = person.warmth + float(rng.normal(0.0, 0.03))
        tint = float(rng.normal(0.0, 0.02))
        # Automatic exposure lifts dark skin only in part, and holds back for bright spots.
        gain = 2.0**stops * (0.33 / max(float(radiance.mean()), 0.02)) ** 0.28
        some = np.sort(radiance[1, ::4, ::4], axis=None)
        brightest = gain * float(some[len(some) * 49 // 50])
        gain *= min(1.0, 0.75 / brightest) ** 0.5
        balance = np.exp(np.array((warmth, tint, -warmth))) * self.white_balance
        spread = np.hypot(person.blur * float(rng.lognormal(0.0, 0.25)), self.blur)
        sigma = float(spread) * radiance.shape[1]
        light = np.empty((size, size, 3), np.float32)
        for channel, plane in enumerate(radiance):
            sharp = plane if sigma < 0.25 else cv2.GaussianBlur(plane, (0, 0), sigma)
            small = cv2.resize(sharp, (size, size), interpolation=cv2.INTER_AREA)
            light[..., channel] = np.float32(gain * balance[channel]) * small
        return _tone_curve(light)

    def _add_noise(self, light: Array, person: Person, rng: np.random.Generator) -> Array:
        grain = np.hypot(person.grain, self.grain)
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        return light + np.float32(grain) * (1.2 - 0.6 * light) * noise

    def _store(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = len(picture)
        if self.resolution is not None and self.resolution < size:
            small = cv2.resize(picture, (self.resolution,) * 2, interpolation=cv2.INTER_AREA)
            picture = np.asarray(cv2.resize(small, (size, size)), np.uint8)
        if self.watermark:
            picture = _write(picture, self.watermark)
        if self.border:
            picture = picture.copy()
            width = max(1, round(self.border * size))
            framed = np.full_like(picture, self.border_level)
            inner = slice(width, size - width)
            framed[inner, inner] = picture[inner, inner]
            picture = framed
        if self.jpeg_quality is not None:
            flags = [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality]
            _, stored = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), flags)
            decoded = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
            picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
        return picture


def _tone_curve(light: Array) -> Array:
    """Display gamma with a soft shoulder: 0..1 for any light from 0 up."""
    shoulder = light * (1.6 + 0.4 * light) / (1.0 + light)
    return np.asarray(np.minimum(shoulder, 1.0) ** np.float32(1.0 / 2.2), np.float32)


def _write(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """The picture with half-transparent white text in its lower right corner."""
    size, font = len(picture), cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(text, font, 1.0, 2)
    scale = 0.55 * size / width
    mark = picture.copy()
    corner = (round(0.41 * size), round(0.93 * size))
    cv2.putText(mark, text, corner, font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(picture, 0.4, mark, 0.6, 0.0), np.uint8)


PHONE = Camera("phantom")
ARCHIVE = Camera(
    "phantom-archive",
    white_balance=(1.06, 1.0, 0.93),
    blur=0.006,
    border=0.035,
    watermark="skin archive",
    jpeg_quality=60,
)

CAMERAS: Mapping[str, Camera] = {camera.source: camera for camera in (PHONE, ARCHIVE)}

"""Write the phantom as files, for other tools and for a look."""

from pathlib import Path

from PIL import Image

from mimbench.csv_files.writing import write_csv
from mimbench.data.generated import phantom
from mimbench.errors import OutputError

__all__ = ["write_phantom"]


def write_phantom(folder: Path, size: int, seed: int) -> int:
    """Write one PNG per image into a folder per category, and manifest.csv beside them.

    Args:
        folder: new or empty.
        size: side of the images, pixels.
        seed: of the generator.

    Returns:
        Number of images.

    Raises:
        OutputError: the folder holds something or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not an empty folder; choose a new one.")
    table = phantom.embedded(seed)
    paths = [
        f"{category}/{image_id[:16]}.png"
        for category, image_id in zip(table["category"], table["image_id"], strict=True)
    ]
    try:
        for path, pixels in zip(paths, phantom.render(table, size), strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / path)
        write_csv(table.assign(path=paths).drop(columns="image_id"), folder / "manifest.csv")
    except OSError as error:
        raise OutputError(f"Cannot write to {folder}: {error.strerror}.") from error
    return len(table)

"""Columns of the frames that a `Run` returns, with their meaning; the reference prints them."""

from collections.abc import Mapping

from mimbench.report.leaderboard.category_table import CATEGORY_COLUMNS

__all__ = ["COLUMNS", "DEGRADATION", "IMAGES", "SCORES"]

DEGRADATION = {
    "row": "name of the score",
    "corruption": "name of the corruption; `mean of all` averages them at each severity",
    "severity": "0 is clean, 1 to 5",
    "value": "AUROC against the categories asked for",
    "low": "lower end of the 95 % interval; none for the mean of all",
    "high": "upper end of the 95 % interval",
}
SCORES = {
    "row": "name of the score",
    "detector": "name of the recipe",
    "fold": "fold that the model was trained for; missing where one model serves every fold",
    "seed": "seed of the training; missing where nothing random is trained",
    "corruption": "`clean` or a corruption",
    "severity": "0 is clean, 1 to 5",
    "image_id": "of the image, as in `images()`",
    "category": "what the image shows",
    "role": "target, known, unknown, abnormal or external",
    "split": "train, validation or test: what the image is in this fold",
    "value": "the score; higher means less like the target",
}
IMAGES = {
    "image_id": "SHA-256 of the file, or of what generated the image",
    "dataset": "folder or CSV file that it was read from",
    "path": "file, relative to the data set",
    "category": "what it shows",
    "role": "target, known, unknown, abnormal or external",
    "patient": "images of one patient are not independent",
    "source": "collection that it comes from",
}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "categories": CATEGORY_COLUMNS,
    "degradation": DEGRADATION,
    "scores": SCORES,
    "images": IMAGES,
}

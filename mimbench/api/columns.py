"""Columns of the frames that a `Run` returns, with their meaning; the reference prints them."""

from collections.abc import Mapping

from mimbench.report.leaderboard.category_table import CATEGORY_COLUMNS

__all__ = ["COLUMNS", "DEGRADATION", "IMAGES", "LEADERBOARD", "SCORES"]

LEADERBOARD = {  # all but the first nine stand there once for each group, as `<role>_<relation>:`
    "row": "name of the score; the index of the frame",
    "detector": "name of the recipe",
    "family": "kind of detector, e.g. inpainting or classifier",
    "control": "whether the row is not meant to know the target",
    "asks": "detection: is it the target? open-set: is it any known category?",
    "headline": "whether the score speaks for its detector",
    "input_size": "side of the images that it sees, pixels",
    "status": "ok, or why there are no numbers",
    "corrupted_at": "size of the images when they were corrupted",
    "against_controls": "above, uncertain, not above, not compared, or control",
    "minus_control": "clean AUROC minus that of the best control of the same input size, paired",
    "minus_best": "clean AUROC minus that of the best detector, paired",
    "auroc": "clean AUROC; higher is better",
    "fpr95_target": "share of other images accepted when 95 % of the target is accepted",
    "fpr95_ood": "share of target images refused when 95 % of the other images are refused",
    "auroc_corrupted": "mean AUROC over all corruptions and severities",
    "drop": "clean AUROC minus that mean, both sides corrupted",
    "drop_target_only": "the same with only target images corrupted",
    "worst_skin_tone": "lowest clean AUROC of a skin tone",
    "skin_tone_gap": "clean AUROC of the best skin tone minus the worst one",
    "n_other": "test images of the other categories",
    "n_other_patients": "patients behind them",
    "n_target": "test images of the target",
    "n_target_patients": "patients behind them",
    "n_fits": "trained models that the number is the mean over",
    "fold_sd": "standard deviation of the clean AUROC over folds",
    "seed_sd": "standard deviation of the clean AUROC over seeds",
}
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
    "leaderboard": LEADERBOARD,
    "categories": CATEGORY_COLUMNS,
    "degradation": DEGRADATION,
    "scores": SCORES,
    "images": IMAGES,
}

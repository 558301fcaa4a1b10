"""AUROC, average precision and ROC points from ranks."""

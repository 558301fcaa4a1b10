"""What the corruptions are made of: random draws, kernels, colour levels."""

"""Network architectures, weights, and the device they run on."""

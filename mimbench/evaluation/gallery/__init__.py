"""Pictures of a run's images, inpaintings and errors."""

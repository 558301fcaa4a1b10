"""From a folder to pixels: files, formats, limits, and what was left out."""

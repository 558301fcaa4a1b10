"""From a folder to pixels: files, formats, limits, and what was left out.

Each file is one step of the way (`tree`, `file_kinds`, `decoding`, `photo`, ...), so that a fault
of reading is looked for in one place.
"""

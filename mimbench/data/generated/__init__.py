"""Images that are made here: the skin phantom and what is no photo of skin."""

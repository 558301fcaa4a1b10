"""Everything that scores images, and what it trains with."""

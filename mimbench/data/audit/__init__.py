"""An audit of images: leaks, repeated files, and how collections can be separated."""

from mimbench.data.audit.audit import Audit, audit
from mimbench.data.audit.cache import cached_audit
from mimbench.data.audit.finding import SAID, Finding
from mimbench.data.audit.render import as_html, as_text

__all__ = ["SAID", "Audit", "Finding", "as_html", "as_text", "audit", "cached_audit"]

"""Claims about detectors as data, and what a run says about them."""

from mimbench.claims.judgement import verify
from mimbench.claims.output import as_text, count_text, exit_code, write_verdicts
from mimbench.claims.statement import Claim, ClaimsFile, read_claims
from mimbench.claims.verdict import Verdict, kept_claims, verdicts_of

__all__ = [
    "Claim",
    "ClaimsFile",
    "Verdict",
    "as_text",
    "count_text",
    "exit_code",
    "kept_claims",
    "read_claims",
    "verdicts_of",
    "verify",
    "write_verdicts",
]

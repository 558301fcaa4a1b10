"""Claims about detectors as data, and what a run says about them."""

from mimbench.claims.judgement import Verdict, verify
from mimbench.claims.output import as_text, exit_code, verdict_table, write_verdicts
from mimbench.claims.statement import Claim, ClaimsFile, read_claims

__all__ = [
    "Claim",
    "ClaimsFile",
    "Verdict",
    "as_text",
    "exit_code",
    "read_claims",
    "verdict_table",
    "verify",
    "write_verdicts",
]

"""Agreement of raters, all measures in one place: alpha, kappas, AC1 and AC2, intraclass correlations, exact agreement.

All take ratings as items x raters with NaN where a rater gave none (Cohen's kappa two columns), and give an
`Estimate`: a value with its interval, or None and the reason.
"""

from benchmarks.alpha import exact_agreement, krippendorff_alpha
from benchmarks.kappa import cohen_kappa, fleiss_kappa, gwet_ac
from benchmarks.reliability import icc

__all__ = ["cohen_kappa", "exact_agreement", "fleiss_kappa", "gwet_ac", "icc", "krippendorff_alpha"]

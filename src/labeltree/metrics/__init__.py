"""Metrics of large label spaces: ranking, propensity-scored, decisions, most-specific labels."""

from labeltree.metrics.decisions import (
    GlobalThreshold,
    fit_global_threshold,
    macro_f1,
    micro_f1,
    sample_f1,
)
from labeltree.metrics.propensity import inverse_propensity, psndcg_at, psp_at
from labeltree.metrics.ranking import (
    attainable_precision,
    hits,
    micro_r_precision,
    ndcg_at,
    precision_at,
    r_precision,
    recall_at,
)
from labeltree.metrics.specific import specific_scores, specific_truth

__all__ = [
    "GlobalThreshold",
    "attainable_precision",
    "fit_global_threshold",
    "hits",
    "inverse_propensity",
    "macro_f1",
    "micro_f1",
    "micro_r_precision",
    "ndcg_at",
    "precision_at",
    "psndcg_at",
    "psp_at",
    "r_precision",
    "recall_at",
    "sample_f1",
    "specific_scores",
    "specific_truth",
]

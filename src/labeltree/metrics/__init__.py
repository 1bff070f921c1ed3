"""Metrics of large label spaces: rankings, decisions, taxonomies, rare labels, significance."""

from labeltree.metrics.consistency import (
    Violations,
    close_up,
    label_parents,
    prune_down,
    score_violations,
    violations,
)
from labeltree.metrics.counts import Counts, Group, Quality, by_group, count
from labeltree.metrics.coverage import coverage_correct_at, coverage_predicted_at
from labeltree.metrics.decider import CALIBRATORS, RULES, Decider, fit_decider
from labeltree.metrics.decisions import macro_f1, micro_f1, sample_f1
from labeltree.metrics.hierarchical import Hierarchical, augmented, hierarchical_quality
from labeltree.metrics.levels import by_level, by_position, leaf_labels, level_of_label
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
from labeltree.metrics.reliability import (
    Reliability,
    first_answers,
    reliability_by_mass,
    reliability_by_width,
)
from labeltree.metrics.significance import Difference, document_values, holm, paired_bootstrap
from labeltree.metrics.specific import specific_scores, specific_truth
from labeltree.metrics.tail import (
    bin_names,
    by_frequency,
    frequency_bins,
    precision_contributions,
    recall_by_bin,
)
from labeltree.metrics.thresholds import GlobalThreshold, fit_global_threshold

__all__ = [
    "CALIBRATORS",
    "RULES",
    "Counts",
    "Decider",
    "Difference",
    "GlobalThreshold",
    "Group",
    "Hierarchical",
    "Quality",
    "Reliability",
    "Violations",
    "attainable_precision",
    "augmented",
    "bin_names",
    "by_frequency",
    "by_group",
    "by_level",
    "by_position",
    "close_up",
    "count",
    "coverage_correct_at",
    "coverage_predicted_at",
    "document_values",
    "first_answers",
    "fit_decider",
    "fit_global_threshold",
    "frequency_bins",
    "hierarchical_quality",
    "hits",
    "holm",
    "inverse_propensity",
    "label_parents",
    "leaf_labels",
    "level_of_label",
    "macro_f1",
    "micro_f1",
    "micro_r_precision",
    "ndcg_at",
    "paired_bootstrap",
    "precision_at",
    "precision_contributions",
    "prune_down",
    "psndcg_at",
    "psp_at",
    "r_precision",
    "recall_at",
    "recall_by_bin",
    "reliability_by_mass",
    "reliability_by_width",
    "sample_f1",
    "score_violations",
    "specific_scores",
    "specific_truth",
    "violations",
]

from labeltree.run.results import by_cut_off


def test_metrics_at_several_cut_offs_are_told_from_the_others():
    metrics = {"P@1": 0.5, "P@3": 0.4, "coverage-correct@1": 0.1, "coverage-correct@3": 0.2,
               "ECE@1": 0.3, "tail-R@3": 0.25, "micro-F1": 0.6}  # fmt: skip
    at_k, others = by_cut_off(metrics)
    assert at_k == {"P": {1: 0.5, 3: 0.4}, "coverage-correct": {1: 0.1, 3: 0.2}}
    assert others == {"ECE@1": 0.3, "tail-R@3": 0.25, "micro-F1": 0.6}


def test_one_cut_off_is_still_a_cut_off():
    metrics = {"P@5": 0.5, "R@5": 0.4, "ECE@1": 0.1, "tail-R@5": 0.2, "micro-F1": 0.6}
    at_k, others = by_cut_off(metrics)
    assert at_k == {"P": {5: 0.5}, "R": {5: 0.4}}
    assert others == {"ECE@1": 0.1, "tail-R@5": 0.2, "micro-F1": 0.6}


def test_nothing_measured():
    assert by_cut_off({}) == ({}, {})

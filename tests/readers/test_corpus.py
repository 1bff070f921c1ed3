from labeltree.readers import repair_cafe


def test_the_corpus_loads_without_complaints():
    splits = repair_cafe()
    assert set(splits.parts) == {"train", "val", "test"}
    assert splits.report.lines() == []
    assert all(part.n_universe == len(part.labels) for part in splits.parts.values())


def test_its_taxonomy_covers_its_labels_and_all_are_named():
    labels = repair_cafe().labels
    assert labels.hierarchy.n_labels == len(labels)
    assert labels.hierarchy.level.max() >= 2
    assert all(name != label for name, label in zip(labels.names, labels.ids, strict=True))

"""The nouns: hierarchy, tree, labels, data set, scores, parameters, models, and their storage."""

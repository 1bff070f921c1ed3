"""Label trees with linear classifiers: solvers, weights, training, beam search."""

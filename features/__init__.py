"""Raw columns → model inputs, as scikit-learn transformers that are fitted inside each fold."""

"""The verbs, where the stages are strung together: make_model (train), use_model (predict), score_model (evaluate), look."""

"""The verbs (make_model: train, use_model: predict, score_model: evaluate, look …), and rooms for what they string together."""

"""Whether models, or groups of patients, differ."""

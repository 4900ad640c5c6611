"""What a model of what is normal answers, and what such models are compared by."""

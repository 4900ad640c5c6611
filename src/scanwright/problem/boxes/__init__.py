"""What a kind whose answer is a list of boxes answers, tells and is compared by."""

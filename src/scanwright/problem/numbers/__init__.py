"""What a kind whose answer is a number a case answers, tells and is compared by."""

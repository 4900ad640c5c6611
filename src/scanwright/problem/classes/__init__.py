"""What a kind whose answer is a class a case answers, decides, tells and is compared by."""

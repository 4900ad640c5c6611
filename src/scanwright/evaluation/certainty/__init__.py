"""How sure an answer is: sets and intervals that hold the truth as often as stated, and which answers to decline."""

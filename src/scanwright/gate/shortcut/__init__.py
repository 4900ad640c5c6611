"""Whether the answer can be told without the anatomy: from files, sizes, borders, dates, places and marks."""

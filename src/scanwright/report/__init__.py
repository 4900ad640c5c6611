"""What a run says about itself: a page for people (page, content) and a card for the package (card)."""

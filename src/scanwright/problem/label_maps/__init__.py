"""What the kinds whose answer is a label map share: masks of structures, and of regions and findings."""

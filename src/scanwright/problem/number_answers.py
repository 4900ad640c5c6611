"""Quantities as answers: how they are judged, and how a report tells of them."""

from scanwright.problem.whole_images import WholeImages


class NumberAnswers(WholeImages):
    """Mixed into regression."""

    primary = "r2"

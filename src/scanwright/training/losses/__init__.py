"""Losses: each a function with its source, chosen by name from the mapping of its kind of target.

    masks.EXCLUSIVE       (logits, codes, *, ignore, weights)      masks of classes that exclude each other
    masks.OVERLAPPING     (logits, regions, mask)                  masks of regions that may overlap or nest
    classes.ONE           (logits, targets, *, weights)            one class of several for a case
    classes.SEVERAL       (logits, targets, *, weights)            any number of labels for a case
    classes.ORDERED       (logits, targets, *, weights)            one class of several that have an order
    numbers.NUMBERS       (values, targets, *, weights)            one or several numbers for a case

All give one scalar, finite for finite input, 0 with a gradient of 0 where nothing is known of the target.
"""

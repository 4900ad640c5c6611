"""The data gate: what a look at the whole data set shows before a model learns from it.

`dataset.checks` looks at one case at a time. Here cases are held against each other, against the split and against what they
are labelled as. A module of this room has up to two public verbs:

    glance(...)            one case to a small picklable value, while its voxels are at hand (dataset.examine.See)
    find(cohort, glances)  what all of them show together: its numbers, and `faults`
"""

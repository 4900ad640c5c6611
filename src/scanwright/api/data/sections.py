"""The sections of the page about a data set: each question of the gate with its answer in tables, plots and pictures."""

from collections.abc import Iterable, Mapping

from scanwright.dataset.checks import Checks
from scanwright.figures.intervals import Interval, interval_plot
from scanwright.figures.palette import structure_colour
from scanwright.figures.plots import Box, box_plot
from scanwright.gate.cohort import Cohort
from scanwright.gate.columns import groupings, sides
from scanwright.gate.comparison.distribution import Distribution
from scanwright.gate.comparison.measured import numbers_of
from scanwright.gate.comparison.separable import Separable
from scanwright.gate.doubt.suspicious import Suspicious
from scanwright.gate.labels.integrity import Integrity
from scanwright.gate.likeness.duplicates import Duplicates
from scanwright.gate.marks.burned_in import BurnedIn
from scanwright.gate.shortcut.guess import Guess
from scanwright.gate.shortcut.shortcuts import LIMIT, TITLES, Hunt
from scanwright.gate.survey import Glance, Survey
from scanwright.report.data_content import Picture, Plot, Section, Strip, Table
from scanwright.report.wording import plain

STRIPS, IN_STRIP, ROWS, MEASURES, NAMED = 12, 6, 20, 8, 5
AUC_LIMITS = (0.0, 1.0)


def sections(cohort: Cohort, checks: Checks, found: Survey) -> tuple[Section, ...]:
    """All sections that have something to say, the gravest questions first."""
    parts = (
        duplicates_section(found.duplicates, checks.seen),
        shortcuts_section(found.shortcuts),
        marks_section(found.burned_in, checks.seen),
        labels_section(found.integrity),
        suspicious_section(found.suspicious, checks.seen),
        distribution_section(cohort, found.distribution),
        separable_section(found.separable),
    )
    return tuple(part for part in parts if part is not None)


def picture(name: str, seen: Mapping[str, Glance], note: str = "") -> Picture | None:
    """A case's thumbnail, if there is one."""
    return Picture(case=name, image=seen[name].picture, note=note) if name in seen else None


def strip(names: Iterable[tuple[str, str]], seen: Mapping[str, Glance], *, title: str = "", note: str = "") -> Strip:
    """Cases with a note each, in a row."""
    found = (picture(name, seen, text) for name, text in names)
    return Strip(pictures=tuple(one for one in found if one is not None), title=title, note=note)


def duplicates_section(found: Duplicates, seen: Mapping[str, Glance]) -> Section | None:
    """Which images are, more or less, the same."""
    if found.num_compared < 2:
        return None
    apart = [group for group in found.groups if group.patients > 1]
    lead = f"{found.num_compared} images were compared with each other, whatever their size, cut, turn and brightness. "
    if not found.groups:
        return Section(id="duplicates", title="Near-duplicates", lead=lead + "No two are alike.")
    lead += f"{len(found.groups)} groups show the same picture, {len(apart)} of them in cases of different patients."
    strips = []
    for group in found.groups[:STRIPS]:
        changes = {name: ", ".join(pair.changes) for pair in group.pairs for name in (pair.other,)}
        lowest = min(pair.score for pair in group.pairs)
        named = [(name, changes.get(name, "")) for name in group.cases[:IN_STRIP]]
        strips.append(
            strip(named, seen, note=f"{len(group.cases)} cases; correlation once aligned {lowest:.2f} or more")
        )
    return Section(id="duplicates", title="Near-duplicates", lead=lead, strips=tuple(strips))


def auc_row(name: str, guess: Guess, *, is_marked: bool) -> Interval:
    """A guess as a row of a forest plot."""
    note = f"{guess.auc:.2f}"
    return Interval(name=name, value=guess.auc, low=guess.low, high=guess.high, note=note, is_marked=is_marked)


def shortcuts_section(found: Hunt) -> Section | None:
    """Whether the answer can be told without the anatomy."""
    if not found.trails:
        return None
    hits = sum(one.is_shortcut for one in found.trails)
    lead = (
        f"{asked_text(found)} {hits or 'None'} of these {len(found.trails)} guesses succeed{'' if hits > 1 else 's'}."
    )
    shown = found.trails[:ROWS]
    rows = [auc_row(f"{one.question}, by {one.family}", one.guess, is_marked=one.is_shortcut) for one in shown]
    table = Table(
        caption="How well each answer is told: AUC by cross-validation over patients; intervals are widened for all guesses.",
        head=("What is asked", "From", "AUC", "Interval", "Patients with and without"),
        rows=tuple(
            (
                one.question,
                TITLES.get(one.family, one.family),
                f"{one.guess.auc:.3f}",
                f"{one.guess.low:.3f} to {one.guess.high:.3f}",
                f"{one.guess.positives} and {one.guess.negatives}",
            )
            for one in shown
        ),
        numeric=frozenset({2, 3, 4}),
        marked=frozenset(index for index, one in enumerate(shown) if one.is_shortcut),
    )
    caption = f"Solid: chance. Dashed: {LIMIT:.3g}, from which an interval above chance counts as a shortcut."
    plot = Plot(panels=(interval_plot(rows, x_label="AUC", limits=AUC_LIMITS, null=0.5, limit=LIMIT),), caption=caption)
    return Section(id="shortcuts", title="Shortcuts", lead=lead, plots=(plot,), tables=(table,))


def asked_text(found: Hunt) -> str:
    """Which answers were asked for, and from what: there is a trail for each guess that could be made."""
    asked = list(dict.fromkeys(trail.question for trail in found.trails))
    families = list(dict.fromkeys(TITLES.get(trail.family, trail.family) for trail in found.trails))
    some = asked[:NAMED] + ([f"{len(asked) - NAMED} more"] if len(asked) > NAMED else [])
    return (
        f"Small models were asked to tell {len(asked)} answer{'s' * (len(asked) > 1)} ({', '.join(some)}) from what no "
        f"anatomy is in: {'; '.join(families)}."
    )


def marks_section(found: BurnedIn, seen: Mapping[str, Glance]) -> Section | None:
    """Text and marks burned into pictures."""
    if not found.looked_at:
        return None
    lead = f"Writing, arrows or measuring marks were seen in {len(found.marked)} of {found.looked_at} pictures."
    if not found.marked:
        return Section(id="marks", title="Burned-in marks", lead=lead)
    most = sorted(found.marked, key=lambda name: (-found.marked[name], name))[: 2 * IN_STRIP]
    marked = strip([(name, f"{found.marked[name]} marks") for name in most], seen)
    table = Table(
        caption="Share of patients with marks, by what they are told apart by; Fisher's exact test, corrected by Holm.",
        head=("Column", "Value", "With marks", "All others", "p"),
        rows=tuple(
            (
                one.column,
                one.value,
                f"{one.marked} of {one.total} ({one.share:.0%})",
                f"{one.rest_marked} of {one.rest_total} ({one.rest_share:.0%})",
                f"{one.p_holm:.2g}",
            )
            for one in found.associations[:ROWS]
        ),
        numeric=frozenset({4}),
        marked=frozenset(index for index, one in enumerate(found.associations[:ROWS]) if one.is_shortcut),
    )
    tables = (table,) if table.rows else ()
    return Section(id="marks", title="Burned-in marks", lead=lead, tables=tables, strips=(marked,))


def labels_section(found: Integrity) -> Section | None:
    """Where labels end, and whether they lie on their edges."""
    if not found.judged:
        return None
    lead = f"{found.judged} labels were held against each other and against the edges in their images."
    if not found.reaching:
        return (
            Section(id="labels", title="Labels", lead=lead + " None reaches a face of its image.")
            if found.placed
            else None
        )
    table = Table(
        caption="Labels that reach a face of the image, and those that end there with a large section: they are cut.",
        head=("Region", "Face", "Reach it", "Are cut"),
        rows=tuple((part, face, str(cases), str(cut)) for part, face, cases, cut in found.reaching[:ROWS]),
        numeric=frozenset({2, 3}),
    )
    return Section(id="labels", title="Labels", lead=lead, tables=(table,))


def suspicious_section(found: Suspicious | None, seen: Mapping[str, Glance]) -> Section | None:
    """Labels that a quick model disagrees with."""
    if found is None or found.quality is None:
        return None
    lead = (
        f"A quick model, cross-validated by patient, answered {found.judged} cases that it had not seen "
        f"({found.measure} {found.quality:.2f}). "
    )
    if not found.enough:
        return Section(
            id="suspicious", title="Suspicious labels", lead=lead + "That is too little to doubt a label by."
        )
    if not found.suspects:
        return Section(id="suspicious", title="Suspicious labels", lead=lead + "It doubts none of the labels.")
    lead += f"It doubts {len(found.suspects)}. A doubt is no proof: the case may be a rare one."
    shown = found.suspects[:ROWS]
    table = Table(
        caption="Doubted labels, the most doubtful first.",
        head=("Case", "Labelled", "The model says"),
        rows=tuple((one.case, one.labelled, one.answered) for one in shown),
    )
    pictures = strip([(one.case, one.answered) for one in found.suspects[: 2 * IN_STRIP]], seen)
    return Section(id="suspicious", title="Suspicious labels", lead=lead, tables=(table,), strips=(pictures,))


def distribution_section(cohort: Cohort, found: Distribution) -> Section | None:
    """Measures over all cases, by side and by group, and where they differ."""
    plots = distribution_plots(cohort)
    differ = [row for row in found.rows if row.differs]
    lead = "How the images and answers are spread. "
    if found.rows:
        lead += f"{len(differ)} of {len(found.rows)} comparisons differ: corrected p below 0.01, and no small effect."
    else:
        lead += "There is no split and no group column to hold them against."
    shown = found.rows[:ROWS]
    table = Table(
        caption="Measures by split and by group, one value a patient. p: corrected over the whole table by Holm.",
        head=("Grouping", "Measure", "Groups", "Effect", "p"),
        rows=tuple(
            (
                row.grouping,
                row.measure,
                "; ".join(f"{name}: {group.text()} (n {group.n})" for name, group in row.groups.items()),
                f"{row.found.measure} {row.found.effect:.2f} ({row.found.size})",
                f"{row.p:.2g}",
            )
            for row in shown
        ),
        numeric=frozenset({4}),
        marked=frozenset(index for index, row in enumerate(shown) if row.differs),
    )
    tables = (table,) if shown else ()
    if not plots and not tables:
        return None
    return Section(id="distribution", title="Distributions", lead=lead, plots=plots, tables=tables)


def distribution_plots(cohort: Cohort) -> tuple[Plot, ...]:
    """Box plots of the measures that vary, a row for each side of the split or value of the first group column."""
    groups: Mapping[str, str] = sides(cohort) or next(iter(groupings(cohort).values()), {})
    panels: list[bytes] = []
    for measure, by_case in numbers_of(cohort).items():
        if len(set(by_case.values())) < 3 or len(panels) == MEASURES:
            continue
        boxes = [box for name in sorted(set(groups.values())) if (box := row_of(name, by_case, groups)).values]
        panels.append(box_plot(boxes if len(boxes) > 1 else [row_of("", by_case, {})], x_label=measure))
    caption = "Every case is a dot; rest the pointer on it for its name. Boxes span the quartiles."
    return (Plot(panels=tuple(panels), caption=caption),) if panels else ()


def row_of(group: str, by_case: Mapping[str, float], groups: Mapping[str, str]) -> Box:
    """One row of a box plot: the cases of a group, or all of them where there are no groups."""
    inside = {name: value for name, value in by_case.items() if not groups or groups.get(name) == group}
    titles = [f"{name}: {plain(value)}" for name, value in inside.items()]
    return Box(
        name=group or "all cases",
        values=list(inside.values()),
        titles=titles,
        note=f"{len(inside)} cases",
        colour=structure_colour(5),
    )


def separable_section(found: Separable) -> Section | None:
    """Whether sides and sites can be told apart by how images look."""
    if not found.separations:
        return None
    hits = sum(one.is_separable for one in found.separations)
    lead = (
        "A small model was asked to tell sides of the split, and values of group columns, by how the images look. "
        + (f"It tells {hits} of {len(found.separations)}." if hits else "It tells none.")
    )
    rows = [
        auc_row(f"{one.column}: {one.group}", one.guess, is_marked=one.is_separable) for one in found.separations[:ROWS]
    ]
    plot = interval_plot(rows, x_label="AUC", limits=AUC_LIMITS, null=0.5, limit=LIMIT)
    caption = "AUC by cross-validation over patients, with the interval widened for all guesses. Solid: chance."
    return Section(
        id="separable", title="Can they be told apart?", lead=lead, plots=(Plot(panels=(plot,), caption=caption),)
    )

"""What classical models read of prepared cases: made once for each case, and kept beside it in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from scanwright.api.run.beginning import begun
from scanwright.api.run.folder import Run
from scanwright.api.run.study import Study
from scanwright.dataset.store import Store
from scanwright.features.fixed import fixed_settings
from scanwright.features.outlined import Outlined
from scanwright.features.planned import outlined_by
from scanwright.features.served import encoded, features_of, names_of
from scanwright.inference.predict import pad_to_patch
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.protocols import Listener, Progress
from scanwright.types import JSON, Floats, Shape3
from scanwright.workers import spread

FEW_CASES, AT_ONCE = 100, 16
"""Below so many cases, starting worker processes takes longer than they save; cases handed over together."""

Row = tuple[tuple[str, ...], Floats]
"""Names and values (F,) of the features of one case."""


@dataclass(frozen=True, slots=True)
class CaseFeatures:
    """The features that the models of one fold read.

    settings: what decides them, beside the prepared case and `patch`, to which smaller images are padded. encoder: the network
    that makes them, which takes all cores for one image; outlined: how they are made of what is outlined; without either they
    are the fixed transform's.
    """

    root: Path
    settings: JSON
    patch: Shape3
    encoder: nn.Module | None = None
    outlined: Outlined | None = None

    def key(self, case: str) -> str:
        """The key in the store of the features of a prepared case."""
        return Store(self.root).key({"features": self.settings, "of": case, "patch": list(self.patch)})

    def of_case(self, case: str) -> Row:
        """Features of a prepared case, given by its key; those that are kept already are not made again."""
        store, own = Store(self.root), self.key(case)
        if not store.has(own):
            image = pad_to_patch(np.array(store.open(case).arrays["image"]), self.patch)[0]
            names, values = self._of_image(image)
            store.put(own, {"features": values}, {"names": list(names)})
        entry = store.open(own)
        return tuple(entry.info["names"]), np.array(entry.arrays["features"])

    def _of_image(self, image_CDHW: Floats) -> Row:
        if self.encoder is not None:
            names, values = encoded(self.encoder, torch.from_numpy(image_CDHW)[None])
            return names, values[0]
        if self.outlined is not None:
            found = self.outlined.features(image_CDHW)
            return tuple(found), np.array(list(found.values()), dtype=np.float64)
        names = names_of(image_CDHW)
        return names, features_of([image_CDHW], names)[0]

    def make(self, case: str) -> None:
        """Make the features of a prepared case and keep them; for worker processes."""
        self.of_case(case)

    def of_cases(
        self, cases: Sequence[str], *, workers: int, beat: Callable[[], None], tell: Listener
    ) -> tuple[tuple[str, ...], Floats]:
        """Names and values (N, F) of the features of prepared cases, in their order. beat: called after each."""
        store = Store(self.root)
        missing = [case for case in cases if not store.has(self.key(case))]
        alone = self.encoder is not None
        made = spread(self.make, missing, workers=1 if alone else workers, few=FEW_CASES, at_once=AT_ONCE)
        for done, _ in enumerate(made):
            beat()
            tell(Progress("features", done=done + 1, total=len(missing)))
        names = tuple(dict.fromkeys(name for case in cases for name in self.of_case(case)[0]))
        return names, self.rows(cases, names)

    def rows(self, cases: Sequence[str], names: Sequence[str]) -> Floats:
        """Values (N, F) of prepared cases in the order of the names, NaN for what a case does not have."""
        found = [dict(zip(*self.of_case(case), strict=True)) for case in cases]
        return np.array([[row.get(name, np.nan) for name in names] for row in found])


def features_read(run: Run, study: Study, fold: int) -> CaseFeatures:
    """The features that the plan's classical model reads in a fold; deep ones are of the model that this fold begins from."""
    network, patch = study.plan.network, study.plan.batch.patch
    assert isinstance(network, ClassicalPlan)
    if (outlined := outlined_by(study.plan)) is not None:
        settings: JSON = {
            "features": "radiomic",
            **outlined.settings.model_dump(mode="json"),
            "edges": outlined.spacing,
        }
        return CaseFeatures(run.store, settings, patch, outlined=outlined)
    if network.encoder is None:
        return CaseFeatures(run.store, fixed_settings(), patch)
    assert study.beginning is not None, "the plan of deep features is made of it"
    settings = {"features": "deep", "package": study.beginning.start.digest, "model": study.beginning.place(fold)}
    return CaseFeatures(run.store, settings, patch, begun(study.plan, fold, study.beginning))

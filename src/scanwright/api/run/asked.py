"""What a verb that trains is asked for: the data and how they are read, and on what it computes."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch

from scanwright.dataset.task import Kind
from scanwright.gate.waive import Waiver, parse_waiver
from scanwright.plan.settings import Settings
from scanwright.runtime import DeviceName, Machine, choose_device, describe_machine


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A data set as a caller names it. layout, task: None to find them out. exclude: cases by name. split: a splits file.
    waive: as typed; waivers: the same, read.
    """

    data: Path
    layout: str | None = None
    task: Kind | None = None
    exclude: tuple[str, ...] = ()
    split: Path | None = None
    waive: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @classmethod
    def of(
        cls,
        data: str | Path,
        *,
        layout: str | None = None,
        task: Kind | None = None,
        exclude: Sequence[str] = (),
        split: str | Path | None = None,
        waive: Sequence[str] = (),
    ) -> Self:
        """Arguments of a verb. Raises UsageError for a waiver that cannot be read."""
        return cls(
            data=Path(data),
            layout=layout,
            task=task,
            exclude=tuple(exclude),
            split=None if split is None else Path(split),
            waive=tuple(waive),
            waivers=tuple(map(parse_waiver, waive)),
        )

    def request(self, settings: Settings, device: torch.device) -> dict[str, Any]:
        """What a run folder is asked for, whatever the verb: data and settings. Choices that say nothing are left out, as they
        were before there was a choice, so that earlier runs go on.
        """
        return {
            "scanwright": version("scanwright"),
            "data": str(self.data.resolve()),
            "layout": self.layout,
            "exclude": sorted(self.exclude),
            "split": None if self.split is None else str(self.split.resolve()),
            "device": device.type,
            **settings.model_dump(mode="json", exclude=_as_by_default(settings)),
            **({} if self.task is None else {"task": self.task}),
        }


def computing_on(name: DeviceName) -> tuple[torch.device, Machine]:
    """The device of a name and the machine around it, whose threads are used from here on. Raises as `choose_device`."""
    device = choose_device(name)
    machine = describe_machine(device)
    torch.set_num_threads(machine.threads)
    return device, machine


def _as_by_default(settings: Settings) -> set[str]:
    return {
        name for name in ("model", "start", "caveats") if getattr(settings, name) == Settings.model_fields[name].default
    }

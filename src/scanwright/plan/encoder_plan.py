"""EncoderPlan: every number of a network that answers a whole image, as NetworkPlan is for one that answers voxels.

Triples are in network order (D, H, W). A network of 2 dimensions looks at each slice or frame by itself and then joins the
D answers; its triples have 1 for D.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from scanwright.dataset.task import Frozen
from scanwright.plan.counts import Counts, Positive, require_odd
from scanwright.types import Shape3

Family = Literal["resnet", "densenet", "convnext", "efficientnet", "vit"]
Join = Literal["mean", "attention", "gru", "lstm"]
TITLES: dict[Family, str] = {
    "resnet": "ResNet",
    "densenet": "DenseNet",
    "convnext": "ConvNeXt",
    "efficientnet": "EfficientNet",
    "vit": "vision transformer",
}
RECURRENT: tuple[Join, ...] = ("gru", "lstm")


class EncoderPlan(Frozen):
    """An encoder stage by stage from fine to coarse, how slices are joined, and a linear head.

    widths: channels of each stage; in a DenseNet those that enter it. strides: of the first layer (the stem), then at the
    beginning of each further stage. kernels: odd, of each stage. blocks: how many each stage has.
    growth: channels that each layer of a DenseNet adds; null for the other families.
    A "vit" has one stage: its stride is the edge of a patch, its kernel is the stride, its blocks are the transformer's
    layers. attention_heads: of each such layer; image: the one size (D, H, W) that it takes, D being 1 in 2 dimensions.
    Both null for the other families, which take any size from `stride` up.
    join: how the D slices of a 2-D network become one answer; "mean" in 3 dimensions, which has nothing to join.
    hidden: size of the gate of "attention" and of the state of "gru" and "lstm"; null with "mean".
    bidirectional: whether a recurrent join also reads from the last slice to the first.
    dropout: share of the features that the head does not see, while training.
    """

    family: Family
    dims: Literal[2, 3]
    in_channels: Positive
    out_channels: Positive
    widths: tuple[Positive, ...] = Field(min_length=1)
    strides: tuple[Counts, ...]
    kernels: tuple[Counts, ...]
    blocks: tuple[Positive, ...]
    growth: Positive | None = None
    attention_heads: Positive | None = None
    image: Counts | None = None
    join: Join = "mean"
    hidden: Positive | None = None
    bidirectional: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @property
    def title(self) -> str:
        """What such a network is called: "ResNet", or "ResNet and GRU" where slices are joined by one."""
        joined = {"mean": "", "attention": " and attention", "gru": " and GRU", "lstm": " and LSTM"}[self.join]
        return TITLES[self.family] + joined

    @property
    def stride(self) -> Shape3:
        """Voxels of input per voxel of the last feature map, each axis: the least size of an image."""
        total = [1, 1, 1]
        for level in self.strides:
            total = [have * more for have, more in zip(total, level, strict=True)]
        return (total[0], total[1], total[2])

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        faults = [*self._stages(), *self._family(), *self._joining()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _stages(self) -> list[str]:
        counts = {len(self.widths), len(self.strides), len(self.kernels), len(self.blocks)}
        faults = [] if len(counts) == 1 else ["widths, strides, kernels and blocks need one entry a stage each"]
        triples = [*self.strides, *self.kernels, *([self.image] if self.image else [])]
        if self.dims == 2 and any(triple[0] != 1 for triple in triples):
            faults.append("in 2 dimensions the first of every stride, kernel and image length is 1")
        return faults

    def _family(self) -> list[str]:
        needed = {"densenet": {"growth"}, "vit": {"attention_heads", "image"}}.get(self.family, set())
        given = {name for name in ("growth", "attention_heads", "image") if getattr(self, name) is not None}
        faults = [f"{self.family} needs {name}" for name in sorted(needed - given)]
        faults += [f"{self.family} has no {name}" for name in sorted(given - needed)]
        if self.family != "vit":
            for kernel in self.kernels:
                require_odd(kernel)
        elif self.image is not None and self.attention_heads is not None:
            faults += self._transformer(self.image, self.attention_heads)
        return faults

    def _transformer(self, image: Shape3, heads: int) -> list[str]:
        faults = []
        if len(self.widths) != 1 or self.kernels != self.strides:
            faults.append("a vit has one stage, and its kernel is its stride")
        if self.widths[0] % heads:
            faults.append("attention_heads divides the width of a vit")
        if any(length % edge for length, edge in zip(image, self.stride, strict=True)):
            faults.append("the patch of a vit divides its image")
        return faults

    def _joining(self) -> list[str]:
        faults = []
        if self.dims == 3 and self.join != "mean":
            faults.append("a network of 3 dimensions has no slices to join: join is mean")
        if (self.hidden is None) is not (self.join == "mean"):
            faults.append("hidden is the size of the part that joins: null with mean, a number otherwise")
        if self.bidirectional and self.join not in RECURRENT:
            faults.append("only gru and lstm read in two directions")
        return faults

"""Places that a detector looks at, and boxes of a picture, for tests of how it learns."""

import torch


def flat(*corners):
    """Boxes (x0, y0, x1, y1) as (n, 2, 3) of a picture: D from 0 to 1, y along H, x along W."""
    return torch.tensor([[[0.0, y0, x0], [1.0, y1, x1]] for x0, y0, x1, y1 in corners])


def cells(side=8, step=4):
    places = torch.arange(side) * step + step / 2
    y, x = torch.meshgrid(places, places, indexing="ij")
    return torch.stack([torch.full_like(x, 0.5), y, x], dim=-1).reshape(-1, 3).float()


def around(centres, half):
    return torch.stack([centres - half, centres + half], dim=1)

"""The pair detector: part and golden as two input channels, one output level at stride 8.

Residual stages (He et al. 2016, arXiv:1512.03385), one attention block at 20x20 so that a long cut is seen whole, and a
feature pyramid (Lin et al. 2017, arXiv:1612.03144). Dense 3x3 convolutions only: depthwise ones are slow on CPUs.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.boards.board import LABELS
from tools.train.config import Model

STRIDE = 8
"""Pixels per output cell."""


def _cbr(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, momentum=0.03), nn.ReLU(inplace=True))


def _channels(wanted: float) -> int:
    """The next multiple of 8, which processors like."""
    return max(8, round(wanted / 8) * 8)


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity; `inner` is the first one's width as a share of `width`."""

    def __init__(self, width: int, inner: float) -> None:
        super().__init__()
        middle = _channels(inner * width)
        self.first = _cbr(width, middle)
        self.second = nn.Sequential(nn.Conv2d(middle, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width, momentum=0.03))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class _Attention(nn.Module):
    """Multi-head self-attention (arXiv:1706.03762) over all cells, position from a depthwise convolution."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.position = nn.Conv2d(width, width, 3, 1, 1, groups=width)
        self.norm = nn.BatchNorm2d(width, momentum=0.03)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.position(x)
        batch, width, rows, columns = x.shape
        projected = self.qkv(self.norm(x)).reshape(batch, 3, self.heads, -1, rows * columns)
        q, k, v = projected.transpose(-2, -1).unbind(1)
        # Written as textbooks do: so OpenVINO finds it and makes one kernel of it.
        mixed = (q @ k.transpose(-2, -1) * self.scale).softmax(-1) @ v
        return x + cast(Tensor, self.out(mixed.transpose(-2, -1).reshape(batch, width, rows, columns)))


class PairDetector(nn.Module):
    """Maps float32 [B, 2, H, W] in 0..255 (part, golden; H and W multiples of 32) to class logits and box sides.

    Returns `logits` [B, 6, H/8, W/8] and `sides` [B, 4, H/8, W/8]: the distances in pixels from the cell's centre to
    the left, top, right and bottom of the box. `shape` sets width, attention and the difference channel.
    """

    def __init__(self, shape: Model | None = None) -> None:
        super().__init__()
        self.shape = shape or Model()
        a, b, c, d, e, f = (_channels(n * self.shape.width) for n in (16, 32, 64, 96, 160, 48))
        inner = self.shape.inner
        attention = _Attention(e) if self.shape.attention else nn.Identity()
        self.s1 = nn.Sequential(_cbr(2 + self.shape.difference, a, 2), _cbr(a, b, 2), Residual(b, inner))
        self.s2 = nn.Sequential(_cbr(b, c, 2), Residual(c, inner))
        self.s3 = nn.Sequential(_cbr(c, d, 2), Residual(d, inner), Residual(d, inner))
        self.s4 = nn.Sequential(_cbr(d, e, 2), Residual(e, inner), attention)
        self.l4, self.l3, self.l2 = nn.Conv2d(e, f, 1), nn.Conv2d(d, f, 1), nn.Conv2d(c, f, 1)
        self.p3, self.p2, self.shared = _cbr(f, f), _cbr(f, f), _cbr(f, f)
        self.classes, self.box = nn.Conv2d(f, len(LABELS), 1), nn.Conv2d(f, 4, 1)
        for head, bias in ((self.classes, -4.0), (self.box, 0.8)):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.constant_(cast(Tensor, head.bias), bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.detect(images / 255)

    def detect(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` for images already in 0..1, or for weights that have swallowed the factor."""
        return self.answer(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """What the answer is read from: [B, 48 * width, H/8, W/8]."""
        if self.shape.difference:
            images = torch.cat([images, (images[:, :1] - images[:, 1:]).abs()], 1)
        c2 = self.s2(self.s1(images))
        c3 = self.s3(c2)
        x = self.p3(_double(self.l4(self.s4(c3))) + self.l3(c3))
        return cast(Tensor, self.shared(self.p2(_double(x) + self.l2(c2))))

    def answer(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits and box sides from `features`."""
        return self.classes(features), STRIDE * self.box(features).float().clamp_max(4).exp()


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def centres(rows: int, columns: int) -> Tensor:
    """Cell centres, float32 [rows * columns, 2] as x, y, row by row; whole numbers are the middles of pixels.

    So are DeepPCB's labels. Half a pixel more, as if they were edges, costs three points of mAP 50:95.
    """
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * STRIDE - 0.5


def boxes(sides: Tensor, middles: Tensor) -> Tensor:
    """Box sides [B, 4, rows, columns] around cell centres [rows * columns, 2]: x1 y1 x2 y2 in pixels, [B, cells, 4]."""
    left_top, right_bottom = sides.flatten(2).transpose(1, 2).chunk(2, -1)
    return torch.cat([middles - left_top, middles + right_bottom], -1)

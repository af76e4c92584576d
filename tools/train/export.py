"""Turns a trained network into the ONNX file that Triton serves: uint8 pairs in, decoded detections out."""

import copy
import warnings
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tools.boards.board import SIZE_PX
from tools.train.model import STRIDE, PairDetector, boxes, centres

TOP = 100
"""Detections per image, best first; the rest of the decoding, NMS, belongs to the caller's recipe."""

_SUPPRESSED = -20.0


class Decoded(nn.Module):
    """The network with its normalisation folded away and its answer decoded.

    Maps uint8 [B, 2, 640, 640] (part, golden) to float32 [B, 100, 6]: x1 y1 x2 y2 in pixels, score 0..1, class index;
    sorted by score. A cell counts only where it is the 3x3 maximum of its class (CenterNet, arXiv:1904.07850).
    """

    middles: Tensor

    def __init__(self, trained: PairDetector, size_px: int = SIZE_PX) -> None:
        super().__init__()
        self.network = _folded(trained)
        self.size_px = size_px
        self.register_buffer("middles", centres(size_px // STRIDE, size_px // STRIDE))

    def forward(self, images: Tensor) -> Tensor:
        logits, sides = self.network.detect(images.float())
        peaks = torch.where(logits == nn.functional.max_pool2d(logits, 3, 1, 1), logits, _SUPPRESSED)
        best, index = peaks.flatten(1).topk(TOP)
        cells = self.middles.shape[0]
        kind, cell = index // cells, index % cells
        corners = boxes(sides, self.middles).clamp(0, self.size_px)
        chosen = torch.gather(corners, 1, cell[..., None].expand(-1, -1, 4))
        return torch.cat([chosen, best.sigmoid()[..., None], kind[..., None].float()], -1)


def export(trained: PairDetector, path: Path, size_px: int = SIZE_PX) -> None:
    """Writes `trained` as ONNX with a dynamic batch axis: input `images`, output `detections`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about shapes that are fixed on purpose
        torch.onnx.export(
            Decoded(trained, size_px).eval(),
            (torch.zeros(2, 2, size_px, size_px, dtype=torch.uint8),),
            str(path),
            input_names=["images"],
            output_names=["detections"],
            dynamic_axes={"images": {0: "batch"}, "detections": {0: "batch"}},
            opset_version=18,
            dynamo=False,
        )


def _folded(trained: PairDetector) -> PairDetector:
    """A copy with every batch normalisation and the /255 multiplied into the convolution beside it."""
    network = copy.deepcopy(trained).float().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            module[0], module[1] = fuse_conv_bn_eval(cast(nn.Conv2d, module[0]), module[1]), nn.Identity()
    attention = network.s4[2]
    if not isinstance(attention, nn.Identity):
        attention.qkv, attention.norm = _absorbed(attention.norm, attention.qkv), nn.Identity()
    stem = network.s1[0][0]
    stem.weight.data /= 255
    return cast(PairDetector, network)


def _absorbed(norm: nn.BatchNorm2d, conv: nn.Conv2d) -> nn.Conv2d:
    """A 1x1 convolution that does the normalisation before it as well."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight.data * (variance + norm.eps).rsqrt()
    weight, bias = conv.weight.data, cast(Tensor, conv.bias).data
    bias += weight[:, :, 0, 0] @ (norm.bias.data - mean * scale)
    weight *= scale[None, :, None, None]
    return conv

"""Blocks that the published networks share (GIS-RAmap, ATNet); importing this loads torch.

Attribute names are those of the published state dictionaries, so that checkpoints load strictly.
"""

from napari_ivos.methods._blocks.aspp import Aspp
from napari_ivos.methods._blocks.decoder import Decoder
from napari_ivos.methods._blocks.encoder import Encoder, Stage
from napari_ivos.methods._blocks.fold import fold_norms, split_conv
from napari_ivos.methods._blocks.refine import Refine, coarse_path
from napari_ivos.methods._blocks.resize import enlarge
from napari_ivos.methods._blocks.se import SeBottleneck
from napari_ivos.methods._blocks.winograd import speed_up

__all__ = [
    "Aspp",
    "Decoder",
    "Encoder",
    "Refine",
    "SeBottleneck",
    "Stage",
    "coarse_path",
    "enlarge",
    "fold_norms",
    "speed_up",
    "split_conv",
]

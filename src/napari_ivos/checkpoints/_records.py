"""What the authors published: one record for each set of weights."""

from __future__ import annotations

from dataclasses import dataclass

from napari_ivos.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """One file of a checkpoint."""

    name: str
    """What it is called here, and by the authors' programs."""
    url: str
    """Where the authors put it."""
    aliases: tuple[str, ...] = ()
    """Other names that the authors use for it."""
    size: int | None = None
    """In bytes; None where the authors do not say it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights that the authors of a method published.

    The authors give neither sizes nor checksums: a download is verified by loading it, where every
    name and shape of the network must fit.
    """

    name: str
    method: str
    files: tuple[CheckpointFile, ...]
    purpose: str
    licence: str
    non_commercial: bool
    paper: str
    page: str
    """Where to read more, and to download by hand."""


def _drive(file_id: str) -> str:
    return f"https://drive.google.com/uc?export=download&id={file_id}"


_GIS_PAPER = "Heo, Koh, Kim: Guided Interactive Video Object Segmentation Using Reliability-Based "
_GIS_PAPER += "Attention Maps, CVPR 2021"

_RECORDS = (
    Checkpoint(
        name="gis-standard",
        method="gis",
        files=(
            CheckpointFile(
                "GIS-ckpt_standard.pth",
                _drive("1dkgXJJ2gPYDtPE9yTtlP4Th0iNX5ZG6a"),
                ("ckpt_standard.pth",),
            ),
        ),
        purpose="GIS-RAmap for everyday use, and for the DAVIS evaluation",
        licence="MIT",
        non_commercial=False,
        paper=_GIS_PAPER,
        page="https://github.com/yuk6heo/GIS-RAmap",
    ),
    Checkpoint(
        name="gis-wo-ytivos",
        method="gis",
        files=(
            CheckpointFile(
                "GIS-ckpt_wo_YTIVOStrainset.pth",
                _drive("1m52fHwoYt2zupSmqgvDYUTqB24ApX0my"),
                ("ckpt_wo_YTIVOStrainset.pth",),
            ),
        ),
        purpose="GIS-RAmap for the YouTube-iVOS evaluation: trained without its 200 videos",
        licence="MIT",
        non_commercial=False,
        paper=_GIS_PAPER,
        page="https://github.com/yuk6heo/GIS-RAmap",
    ),
    Checkpoint(
        name="atnet",
        method="atnet",
        files=(
            CheckpointFile(
                "ATNet-checkpoint.pth",
                _drive("1t1VO2zy3pLBXCWqme9h63Def86Y4ECIH"),
                ("e_0046_onlyparam.pth",),
            ),
        ),
        purpose="ATNet",
        licence="MIT",
        non_commercial=False,
        paper="Heo, Koh, Kim: Interactive Video Object Segmentation Using Global and Local "
        "Transfer Modules, ECCV 2020",
        page="https://github.com/yuk6heo/IVOS-ATNet",
    ),
    Checkpoint(
        name="ipnet",
        method="ipnet",
        files=(
            CheckpointFile(
                "I_e290.pth", "https://www.dropbox.com/s/khx9hmtnqbzg634/I_e290.pth?dl=1"
            ),
            CheckpointFile(
                "P_e290.pth", "https://www.dropbox.com/s/89heglbglig0g04/P_e290.pth?dl=1"
            ),
        ),
        purpose="IPNet, both of its networks; trained for the authors' demonstration",
        licence="CC BY-NC-SA 4.0",
        non_commercial=True,
        paper="Oh, Lee, Xu, Kim: Fast User-Guided Video Object Segmentation by "
        "Interaction-and-Propagation Networks, CVPR 2019",
        page="https://github.com/seoungwugoh/ivs-demo",
    ),
)


def list_checkpoints(method: str | None = None) -> list[Checkpoint]:
    """All published checkpoints, or those of one method; the one to use by default first."""
    return [record for record in _RECORDS if method in (None, record.method)]


def get_checkpoint(name: str) -> Checkpoint:
    """The checkpoint called `name`.

    Raises
    ------
    CheckpointError
        There is none of that name.
    """
    for record in _RECORDS:
        if record.name == name:
            return record
    known = ", ".join(record.name for record in _RECORDS)
    raise CheckpointError(f"There is no checkpoint called '{name}'.", f"Choose one of: {known}.")

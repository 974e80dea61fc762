"""Which weights were published, as records."""

from __future__ import annotations

from dataclasses import dataclass

from napari_ivos.errors import CheckpointError

_BYTES_A_NUMBER = 4
_DRIVE = "https://drive.google.com"
_DROPBOX = "https://www.dropbox.com/s"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One published file."""

    name: str
    """As the authors' current instructions call it; it is kept under this name."""
    url: str
    """Where its bytes are."""
    page: str
    """Where a person downloads it in a browser."""
    numbers: int
    """How many numbers the network has, float32."""
    entries: tuple[int, ...]
    """How many entries its state dictionary has: with counters of batches, or without."""
    aliases: tuple[str, ...] = ()
    """Other names that the authors' programs use for it."""
    size: int | None = None
    """Bytes; None: not known."""
    sha256: str | None = None
    """None: the authors published none, and none was taken from a file known to be theirs."""

    @property
    def about(self) -> int:
        """Bytes, within a percent or so: `size`, or else what its numbers take."""
        return self.size or self.numbers * _BYTES_A_NUMBER

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it is found, the published one first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights of a method: one file, or several that belong together in one folder."""

    name: str
    """What users type."""
    method: str
    files: tuple[WeightFile, ...]
    purpose: str
    paper: str
    licence: str
    """Short, for tables."""
    terms: str
    """What the licence asks of the user, to be shown before downloading."""
    home: str
    """The authors' repository."""


def _drive(name: str, key: str, numbers: int, entries: int, *aliases: str) -> WeightFile:
    return WeightFile(
        name=name,
        url=f"{_DRIVE}/uc?export=download&id={key}",
        page=f"{_DRIVE}/file/d/{key}/view",
        numbers=numbers,
        entries=(entries,),
        aliases=aliases,
    )


def _dropbox(name: str, key: str, numbers: int, entries: tuple[int, ...]) -> WeightFile:
    address = f"{_DROPBOX}/{key}/{name}"
    return WeightFile(name, f"{address}?dl=1", address, numbers, entries)


_GIS_PAPER = (
    "Heo, Koh, Kim: Guided Interactive Video Object Segmentation Using Reliability-Based "
    "Attention Maps, CVPR 2021"
)
_GIS_HOME = "https://github.com/yuk6heo/GIS-RAmap"
_MIT = (
    "The authors' repository is under the MIT licence; the file itself carries no licence of its "
    "own. Any use is allowed when their copyright notice is kept."
)

_ALL = (
    Checkpoint(
        name="gis-standard",
        method="gis",
        files=(
            _drive(
                "GIS-ckpt_standard.pth",
                "1dkgXJJ2gPYDtPE9yTtlP4Th0iNX5ZG6a",
                75_967_555,
                841,
                "ckpt_standard.pth",
            ),
        ),
        purpose="General use; the authors' DAVIS results and their program with a window.",
        paper=_GIS_PAPER,
        licence="MIT",
        terms=_MIT,
        home=_GIS_HOME,
    ),
    Checkpoint(
        name="gis-without-youtube",
        method="gis",
        files=(
            _drive(
                "GIS-ckpt_wo_YTIVOStrainset.pth",
                "1m52fHwoYt2zupSmqgvDYUTqB24ApX0my",
                75_967_555,
                841,
                "ckpt_wo_YTIVOStrainset.pth",
            ),
        ),
        purpose="Evaluation on YouTube-iVOS only: trained without its 200 validation videos.",
        paper=_GIS_PAPER,
        licence="MIT",
        terms=_MIT,
        home=_GIS_HOME,
    ),
    Checkpoint(
        name="atnet",
        method="atnet",
        files=(
            _drive(
                "ATNet-checkpoint.pth",
                "1t1VO2zy3pLBXCWqme9h63Def86Y4ECIH",
                136_630_722,
                912,
                "e_0046_onlyparam.pth",
            ),
        ),
        purpose="General use; the authors' DAVIS results.",
        paper="Heo, Koh, Kim: Interactive Video Object Segmentation Using Global and Local "
        "Transfer Modules, ECCV 2020",
        licence="MIT",
        terms=_MIT,
        home="https://github.com/yuk6heo/IVOS-ATNet",
    ),
    Checkpoint(
        name="ipnet",
        method="ipnet",
        files=(
            _dropbox("I_e290.pth", "khx9hmtnqbzg634", 46_596_558, (313, 366)),
            _dropbox("P_e290.pth", "89heglbglig0g04", 143_595_918, (322, 375)),
        ),
        purpose="Strokes of real users, one object; not the weights behind the paper's figures.",
        paper="Oh, Lee, Xu, Kim: Fast User-Guided Video Object Segmentation by "
        "Interaction-and-Propagation Networks, CVPR 2019",
        licence="CC BY-NC-SA 4.0, non-commercial",
        terms="CC BY-NC-SA 4.0: NON-COMMERCIAL use only, with the authors named; what is made "
        "from the weights may be shared only under the same licence.",
        home="https://github.com/seoungwugoh/ivs-demo",
    ),
)


def list_checkpoints(method: str | None = None) -> tuple[Checkpoint, ...]:
    """All published checkpoints, or those of one method; the one for general use comes first."""
    return tuple(one for one in _ALL if method in (None, one.method))


def get_checkpoint(name: str) -> Checkpoint:
    """The checkpoint called `name`.

    Raises
    ------
    CheckpointError
        There is none.
    """
    for one in _ALL:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in _ALL)
    raise CheckpointError(f"There is no checkpoint called '{name}'.", f"Choose one of: {known}.")

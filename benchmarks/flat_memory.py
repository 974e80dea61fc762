"""Whether memory stays flat on a long video: resident memory while a round is carried through it.

    python benchmarks/flat_memory.py gis --frames 300

The video (480 × 854, drifting blobs) is written to a file first and read from there, as any other.
Published methods run with made-up weights. Prints MiB every so many frames, and how much the second
half of the run added to the first one's peak. Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from methods import WEIGHTS, clip, resident, strokes
from napari_ivos.methods import get_method
from napari_ivos.session import Session

SIZE = (480, 854)
PART = 25


def write_video(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        # A part at a time, to and fro: the whole would be what this is not to measure.
        part = clip(PART, SIZE)
        for t in range(frames):
            image = part[t % PART if (t // PART) % 2 == 0 else PART - 1 - t % PART]
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--objects", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mp4"
        write_video(video, given.frames)
        needed = get_method(given.method).checkpoint == "required"
        checkpoint = WEIGHTS[given.method](Path(folder)) if needed else None
        run(video, given, checkpoint)


def run(video: Path, given: argparse.Namespace, checkpoint: Path | None) -> None:
    with Session(video, given.method, "cpu", checkpoint) as session:
        for _ in range(given.objects):
            session.add_object()
        session.add_strokes(strokes(0, given.objects, SIZE))
        began, seen = time.monotonic(), []
        for number, _ in enumerate(session.propagate(0)):
            seen.append(resident("VmRSS"))
            if number % PART == 0:
                rest = f"{(time.monotonic() - began) / max(number, 1):.1f} s a frame"
                print(f"frame {number:5d} {seen[-1]:8.0f} MiB   {rest}", flush=True)
    first, second = np.max(seen[: len(seen) // 2]), np.max(seen[len(seen) // 2 :])
    print(f"peak: first half {first:.0f} MiB, second half {second:.0f} MiB: {second / first:.3f}")


if __name__ == "__main__":
    main()

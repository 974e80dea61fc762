"""Many videos in one go: a table of jobs, each segmented from strokes or masks made before."""

from napari_ivos.batch.jobs_file import Entry, read_jobs
from napari_ivos.batch.run import check_jobs, run_batch
from napari_ivos.batch.segment import SegmentJob, segment

__all__ = ["Entry", "SegmentJob", "check_jobs", "read_jobs", "run_batch", "segment"]

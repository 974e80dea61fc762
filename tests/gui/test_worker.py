import threading

import pytest

from napari_ivos.gui._worker import Worker


@pytest.fixture
def worker(qtbot):
    made = Worker()
    yield made
    made.wait()


@pytest.fixture
def heard(worker):
    """All that the worker signalled: (value, thread), and last ("ended", error)."""
    values = []
    worker.arrived.connect(lambda value: values.append((value, threading.current_thread())))
    worker.ended.connect(lambda error: values.append(("ended", error)))
    return values


def run(qtbot, worker, work):
    with qtbot.waitSignal(worker.ended, timeout=30_000):
        worker.start(work)


def test_values_arrive_in_order_on_the_main_thread(qtbot, worker, heard):
    threads = []

    def work():
        threads.append(threading.current_thread())
        yield from "abc"

    run(qtbot, worker, work)
    assert heard[:-1] == [(letter, threading.main_thread()) for letter in "abc"]
    assert heard[-1] == ("ended", None)
    assert threads[0] is not threading.main_thread()
    assert not worker.running


@pytest.mark.parametrize("error", [ValueError("no"), RuntimeError("out of memory")])
def test_every_error_is_reported(qtbot, worker, heard, error):
    def work():
        yield 1
        raise error

    run(qtbot, worker, work)
    assert [what for what, _ in heard] == [1, "ended"]
    assert heard[-1][1] is error


def test_stopping_ends_within_one_value_and_closes_the_generator(qtbot, worker, heard):
    gate, closed_by = threading.Semaphore(2), []

    def work():
        try:
            for number in range(100):
                assert gate.acquire(timeout=60)
                yield number
        finally:
            closed_by.append(threading.current_thread().name)

    worker.start(work)
    qtbot.waitUntil(lambda: len(heard) == 2, timeout=30_000)
    worker.stop()
    with qtbot.waitSignal(worker.ended, timeout=30_000):
        gate.release()
    assert [what for what, _ in heard] == [0, 1, 2, "ended"]
    assert closed_by == ["napari-ivos"]


def test_waiting_is_silent(qtbot, worker, heard):
    def work():
        yield from range(3)

    worker.start(work)
    worker.wait()
    assert not worker.running
    qtbot.wait(20)
    assert heard == []
    run(qtbot, worker, work)
    assert [what for what, _ in heard] == [0, 1, 2, "ended"]


def test_one_piece_of_work_at_a_time(qtbot, worker):
    gate = threading.Event()

    def work():
        yield gate.wait(5)

    worker.start(work)
    with pytest.raises(ValueError, match="one piece"):
        worker.start(work)
    with qtbot.waitSignal(worker.ended, timeout=30_000):
        gate.set()

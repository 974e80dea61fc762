"""How many of torch's threads work beside other work."""

import threading

import pytest
import torch

from napari_ivos.methods import _torch


@pytest.fixture
def four(monkeypatch):
    monkeypatch.setattr(_torch, "_HALF", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_half_of_them_and_all_again_afterwards(four):
    with _torch.beside_others():
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 4


def test_a_thread_that_begins_meanwhile_does_not_keep_all_others_low(four):
    entered, left, seen = threading.Event(), threading.Event(), []

    def work():
        torch.get_num_threads()
        entered.set()
        left.wait(30)
        with _torch.beside_others():
            pass
        seen.append(torch.get_num_threads())

    with _torch.beside_others():
        thread = threading.Thread(target=work)
        thread.start()
        assert entered.wait(30)
    left.set()
    thread.join(30)
    later = []
    other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    other.start()
    other.join(30)
    assert seen
    assert later == [4]

import os
import signal
import threading
import time

import numpy as np
import pytest

from labeltree.core.pool import Silent, ThreadPool, phase, reporting, scratch, serial_blas


class Recorder:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def start(self, what, total):
        self.told.append(("start", what, total))

    def advance(self, units=1):
        self.told.append(("advance", threading.current_thread() is threading.main_thread()))

    def finish(self):
        self.told.append(("finish",))


both = pytest.mark.parametrize("n_jobs", [1, 4])


@both
def test_results_are_in_the_order_of_the_items(n_jobs):
    def late_first(i):
        time.sleep(0.002 * (20 - i))
        return i * i

    assert ThreadPool(n_jobs).map(late_first, range(20)) == [i * i for i in range(20)]


@both
@pytest.mark.parametrize("items", [[], [7]])
def test_no_item_or_one(n_jobs, items):
    assert ThreadPool(n_jobs).map(str, items) == [str(i) for i in items]


def test_several_threads_work_at_once():
    barrier = threading.Barrier(3, timeout=10)
    assert ThreadPool(3).map(lambda i: barrier.wait() >= 0, range(3)) == [True] * 3


def test_never_more_threads_than_asked_for():
    lock, running, most = threading.Lock(), 0, 0

    def work(i):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    ThreadPool(2).map(work, range(30))
    assert most <= 2


def test_one_job_works_in_the_calling_thread():
    assert (
        ThreadPool(1).map(lambda i: threading.get_ident(), range(3)) == [threading.get_ident()] * 3
    )


@pytest.mark.parametrize("n_jobs", [-1, 0, -7])
def test_the_default_is_one_thread_a_core(n_jobs):
    assert ThreadPool(n_jobs).n_jobs == len(os.sched_getaffinity(0))
    assert ThreadPool().n_jobs == ThreadPool(-1).n_jobs


@both
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_the_first_error_stops_the_rest_and_is_raised(n_jobs, error):
    seen = []

    def work(i):
        seen.append(i)
        if i == 3:
            raise error
        time.sleep(0.005)

    with pytest.raises(type(error)) as raised:
        ThreadPool(n_jobs).map(work, range(1000))
    assert raised.value is error
    assert len(seen) < 100, "what had not begun was cancelled"
    assert not [t for t in threading.enumerate() if t.name == "labeltree"]


@pytest.fixture
def keyboard():
    """Interrupts are heard, also where the tests run in the background and they are ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize("at", range(20))
def test_the_keyboard_interrupts_work_in_threads_at_any_moment(at):
    seen, main = [], threading.main_thread().ident

    def work(i):
        seen.append(i)
        if i == at:
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.0002 * (i % 7))

    with pytest.raises(KeyboardInterrupt):
        ThreadPool(2).map(work, range(5000))
    assert len(seen) < 500, "what had not begun was cancelled"
    assert not [t for t in threading.enumerate() if t.name == "labeltree"]


@both
def test_a_pool_works_again_after_an_error(n_jobs):
    pool = ThreadPool(n_jobs)
    with pytest.raises(ZeroDivisionError):
        pool.map(lambda i: 1 / i, range(5))
    assert pool.map(str, range(3)) == ["0", "1", "2"]


@both
def test_pools_may_nest(n_jobs):
    pool = ThreadPool(n_jobs)
    outer = pool.map(lambda i: pool.map(lambda j: (i, j), range(3)), range(4))
    assert outer == [[(i, j) for j in range(3)] for i in range(4)]


# ---- progress ------------------------------------------------------------------------------------


@both
def test_progress_is_told_from_the_calling_thread(n_jobs):
    recorder = Recorder()
    with reporting(recorder):
        ThreadPool(n_jobs).map(str, range(5), what="spelling")
    assert recorder.told == [("start", "spelling", 5), *[("advance", True)] * 5, ("finish",)]


@both
def test_progress_ends_after_an_error_too(n_jobs):
    recorder = Recorder()
    with reporting(recorder), pytest.raises(ZeroDivisionError):
        ThreadPool(n_jobs).map(lambda i: 1 / (i - 2), range(5))
    assert recorder.told[0][0] == "start"
    assert recorder.told[-1] == ("finish",)
    assert len(recorder.told) < 7


def test_progress_is_told_inside_the_block_only():
    outer, inner, pool = Recorder(), Recorder(), ThreadPool(1)
    with reporting(outer):
        with reporting(inner):
            pool.map(str, [1])
        pool.map(str, [1, 2])
    pool.map(str, [1])
    assert [t[2] for t in inner.told if t[0] == "start"] == [1]
    assert [t[2] for t in outer.told if t[0] == "start"] == [2]


def test_a_phase_of_known_length_is_told_step_by_step():
    recorder = Recorder()
    with reporting(recorder), phase("training", 2) as progress:
        progress.advance()
        progress.advance()
    assert recorder.told == [
        ("start", "training", 2), ("advance", True), ("advance", True), ("finish",),
    ]  # fmt: skip


def test_a_phase_of_unknown_length_has_a_total_of_0():
    recorder = Recorder()
    with reporting(recorder), phase("reading"):
        recorder.told.append("work")
    with reporting(recorder), pytest.raises(ZeroDivisionError), phase("reading"):
        raise ZeroDivisionError
    start, finish = ("start", "reading", 0), ("finish",)
    assert recorder.told == [start, "work", finish, start, finish]


def test_reporting_ends_with_an_error():
    recorder = Recorder()
    with pytest.raises(ValueError, match="x"), reporting(recorder):
        raise ValueError("x")
    ThreadPool(1).map(str, [1])
    assert not recorder.told


def test_silence_is_the_default(capfd):
    silent = Silent()
    silent.start("x", 1)
    silent.advance()
    silent.finish()
    ThreadPool(2).map(str, range(3))
    assert capfd.readouterr() == ("", "")


# ---- scratch -------------------------------------------------------------------------------------


def test_scratch_is_filled_and_kept():
    array = scratch("pool_test_kept", 3, np.int32, -1)
    assert array.tolist() == [-1, -1, -1]
    assert array.dtype == np.int32
    assert scratch("pool_test_kept", 3, np.int32, -1) is array
    assert scratch("pool_test_zero", 2, np.float64).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("n", "dtype", "fill"), [(4, np.int32, 0), (3, np.int64, 0), (3, np.int32, 5)]
)
def test_scratch_of_another_size_type_or_filling_is_another(n, dtype, fill):
    name = f"pool_test_other_{n}_{dtype.__name__}_{fill}"
    first = scratch(name, 3, np.int32, 0)
    other = scratch(name, n, dtype, fill)
    assert other is not first
    assert (len(other), other.dtype) == (n, dtype)
    assert other.tolist() == [fill] * n


def test_every_thread_has_its_own():
    barrier = threading.Barrier(3, timeout=10)

    def borrow(i):
        barrier.wait()
        array = scratch("pool_test_thread", 2, np.int64)
        array[:] = i
        barrier.wait()
        return array

    arrays = [scratch("pool_test_thread", 2, np.int64), *ThreadPool(3).map(borrow, range(1, 4))]
    assert len({a.ctypes.data for a in arrays}) == 4
    assert [a.tolist() for a in arrays] == [[i, i] for i in range(4)]


def test_serial_blas_is_over_when_the_block_is():
    import scipy.linalg  # noqa: F401  (brings a library of its own)
    from threadpoolctl import threadpool_info

    def threads():
        return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]

    before = threads()
    assert before
    with serial_blas():
        assert set(threads()) == {1}
    assert threads() == before

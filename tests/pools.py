"""Trains in processes of each kind beside a thread that trains: `python pools.py KIND COUNT`."""

import hashlib
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits


def trained(seed):
    X, y = load_digits()
    model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=seed)
    model.compile()
    model.fit(X, y, epochs=2, verbose=0)
    return hashlib.sha256(b"".join(a.tobytes() for a in model.get_weights())).hexdigest()


def by_processes(kind, seeds):
    if kind == "loky":
        import joblib

        return joblib.Parallel(n_jobs=2)(joblib.delayed(trained)(seed) for seed in seeds)
    if kind == "dask":
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            return client.gather(client.map(trained, seeds))
    with ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as pool:
        return list(pool.map(trained, seeds))


def main(kind, count):
    seeds, over = range(3), threading.Event()
    expected = [trained(seed) for seed in seeds]

    def keep_on():
        while not over.is_set():
            trained(9)

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        for _ in range(count):
            assert by_processes(kind, seeds) == expected
    finally:
        over.set()
        thread.join()
    assert [trained(seed) for seed in seeds] == expected
    print("same")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

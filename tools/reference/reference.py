"""Writes the reference values that the specs of libs/learning compare with, from scikit-learn in float64.

python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1 pandas==3.1.1
.venv/bin/python tools/reference/reference.py [folder with peers/ and data/]

Inputs are small seeded data that the JSON carries, so that a spec needs no Python. Of the real tables (optional argument) it keeps
only fold numbers, coefficients and scores, never rows.
"""
import json, os, sys
import numpy as np
import sklearn
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, f1_score, log_loss, mean_absolute_error,
                             mean_squared_error, precision_score, r2_score, recall_score, roc_auc_score)
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, value):
    value = {'generator': f'reference.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}', **value}
    with open(os.path.join(HERE, name), 'w') as f:
        json.dump(value, f, separators=(',', ':'), allow_nan=False)
        f.write('\n')
    print(name, os.path.getsize(os.path.join(HERE, name)))


def plain(a):
    """Nested lists with null for NaN and whole numbers without their fraction."""
    if isinstance(a, np.ndarray):
        return [plain(v) for v in a]
    v = float(a)
    return None if v != v else int(v) if v.is_integer() else v


def fit_logistic(X, y, l2, w=None):
    """Converged far below the tolerance of the specs: newton-cholesky to 1e-10, checked against the gradient."""
    m = LogisticRegression(C=1 / l2, solver='newton-cholesky', tol=1e-10, max_iter=10000).fit(X, y, sample_weight=w)
    p = m.predict_proba(X)[:, 1]
    r = (p - y) * (1 if w is None else w)
    gradient = np.append(X.T @ r + l2 * m.coef_[0], r.sum()) / len(y)
    scale = np.append(np.abs(X).mean(0) + 1, 1)
    assert np.abs(gradient / scale).max() < 1e-9, gradient
    return m


def logistic():
    g = np.random.default_rng(11)
    cases = []
    for name, n, d, l2, weighted, wide in [('plain', 80, 4, 1.0, False, False), ('strong', 60, 5, 25.0, False, False),
                                           ('weak', 120, 3, 0.01, False, False), ('weighted', 70, 4, 0.5, True, False),
                                           ('scales', 80, 4, 1.0, False, True), ('many', 40, 60, 1.0, False, False)]:
        X = np.round(g.standard_normal((n, d)), 3)
        if wide:
            X = np.round(X * np.array([1000, 1, 0.1, 30]) + np.array([5000, 0, 2, -10]), 3)
        Z = (X - X.mean(0)) / X.std(0)
        y = (g.random(n) < 1 / (1 + np.exp(-(Z @ g.standard_normal(d) / np.sqrt(d) * 1.5 - 0.3)))).astype(float)
        w = g.integers(0, 5, n).astype(float) if weighted else None
        m = fit_logistic(X, y, l2, w)
        cases.append({'name': name, 'l2': l2, 'X': plain(X), 'y': plain(y), 'weights': None if w is None else plain(w),
                      'coefficients': plain(m.coef_[0]), 'intercept': plain(m.intercept_[0]), 'probabilities': plain(m.predict_proba(X)[:10, 1])})
    write('logistic-regression.json', {'cases': cases})


def boosting():
    """Whole-number features of at most 100 values, so that both sides cut at the same borders; a fifth of one column is missing."""
    g = np.random.default_rng(12)
    n, d, trained = 1800, 6, 1200
    X = g.integers(0, 100, (n, d)).astype(float)
    X[:, 3] = g.integers(0, 4, n)
    z = (X[:, 0] - 50) / 20 + np.where(X[:, 1] > 60, 1.2, -.4) * np.sin(X[:, 2] / 12) + .6 * (X[:, 3] == 2) + .01 * X[:, 4]
    gone = g.random(n) < .2
    z = z + np.where(gone, .9, 0)
    X[gone, 4] = np.nan
    y = (g.random(n) < 1 / (1 + np.exp(-z + .5))).astype(float)
    r = np.round(10 * z + 3 * g.standard_normal(n), 2)
    fits = []
    for task, t, Model in [('classification', y, HistGradientBoostingClassifier), ('regression', r, HistGradientBoostingRegressor)]:
        for p in [{}, {'trees': 60, 'learning_rate': .05, 'leaves': 8}, {'trees': 40, 'leaves': 15, 'min_rows_in_leaf': 5, 'l2': 3.0, 'bins': 255}]:
            m = Model(max_iter=p.get('trees', 100), learning_rate=p.get('learning_rate', .1), max_leaf_nodes=p.get('leaves', 31),
                      min_samples_leaf=p.get('min_rows_in_leaf', 20), l2_regularization=p.get('l2', 0.), early_stopping=False, random_state=0)
            m.fit(X[:trained], t[:trained])
            q = m.predict_proba(X[trained:])[:, 1] if task == 'classification' else m.predict(X[trained:])
            score = roc_auc_score(t[trained:], q) if task == 'classification' else r2_score(t[trained:], q)
            fits.append({'task': task, 'parameters': p, 'score': plain(score), 'predictions': [round(float(v), 6) for v in q[:100]]})
    write('gradient-boosting.json', {'trained': trained, 'X': plain(X), 'labels': plain(y), 'targets': plain(r), 'fits': fits})


def delong(y, a, b):
    """From the definition: structural components over all pairs (DeLong, DeLong & Clarke-Pearson 1988)."""
    def parts(s):
        p, n = s[y == 1], s[y == 0]
        k = (p[:, None] > n[None, :]) + .5 * (p[:, None] == n[None, :])
        return k.mean(), k.mean(1), k.mean(0)
    (aa, pa, na), (ab, pb, nb) = parts(a), parts(b)
    S = np.cov(np.stack([pa, pb])) / len(pa) + np.cov(np.stack([na, nb])) / len(na)
    se, sd = np.sqrt(S[0, 0]), np.sqrt(S[0, 0] + S[1, 1] - 2 * S[0, 1])
    z = stats.norm.ppf(.975)
    return {'auc': plain(aa), 'standardError': plain(se), 'low': plain(aa - z * se), 'high': plain(aa + z * se),
            'difference': plain(aa - ab), 'differenceError': plain(sd), 'pValue': plain(2 * stats.norm.sf(abs(aa - ab) / sd))}


def metrics():
    g = np.random.default_rng(13)
    cases = []
    for name, n, digits in [('ties', 200, 1), ('fine', 150, 6), ('few', 9, 2)]:
        z = g.standard_normal(n)
        y = (g.random(n) < 1 / (1 + np.exp(-z))).astype(float)
        y[0], y[1] = 0, 1
        a = np.round(np.clip(1 / (1 + np.exp(-z + .8 * g.standard_normal(n))), .001, .999), digits)
        b = np.round(np.clip(1 / (1 + np.exp(-.5 * z + g.standard_normal(n))), .001, .999), digits)
        h = a >= .5
        cases.append({'name': name, 'y': plain(y), 'first': plain(a), 'second': plain(b), 'expected': {
            'rocAuc': plain(roc_auc_score(y, a)), 'prAuc': plain(average_precision_score(y, a)), 'logLoss': plain(log_loss(y, a)),
            'brier': plain(brier_score_loss(y, a)), 'accuracy': plain(accuracy_score(y, h)), 'precision': plain(precision_score(y, h)),
            'recall': plain(recall_score(y, h)), 'f1': plain(f1_score(y, h)), 'rmse': plain(mean_squared_error(y, a) ** .5),
            'mae': plain(mean_absolute_error(y, a)), 'r2': plain(r2_score(y, a)), 'delong': delong(y, a, b)}})
    normal = [[p, plain(stats.norm.ppf(p))] for p in [1e-12, 1e-6, .001, .025, .2, .5, .8, .975, .999]]
    cdf = [[z, plain(stats.norm.cdf(z))] for z in [-30, -8, -3.5, -3, -1.96, -.5, 0, .5, 1.96, 3, 6]]
    write('metrics.json', {'cases': cases, 'normalQuantile': normal, 'normalCdf': cdf})


def retail(folder):
    import pandas as pd
    d = pd.read_csv(os.path.join(folder, 'peers/retail_features_20110909.csv'), index_col=0)
    y = d.pop('y').values
    names = list(d.columns)
    L = d.copy()
    s = [c for c in names if c != 'uk']
    L[s] = np.sign(L[s]) * np.log1p(np.abs(L[s]))
    raw, L = d.values, L.values
    boost = lambda: HistGradientBoostingClassifier(max_iter=100, learning_rate=.05, max_leaf_nodes=8, min_samples_leaf=20, random_state=42)
    logit = lambda A, b: fit_logistic(StandardScaler().fit(A).transform(A), b, 1.)
    aucs = {'recency': [], 'logistic': [], 'boosting': []}
    fold = np.zeros(len(y), int)
    for i, (a, b) in enumerate(StratifiedKFold(5, shuffle=True, random_state=42).split(raw, y)):
        fold[b] = i
        aucs['recency'].append(roc_auc_score(y[b], raw[b, 0]))
        scale = StandardScaler().fit(L[a])
        aucs['logistic'].append(roc_auc_score(y[b], logit(L[a], y[a]).decision_function(scale.transform(L[b]))))
        aucs['boosting'].append(roc_auc_score(y[b], boost().fit(raw[a], y[a]).predict_proba(raw[b])[:, 1]))
    other = []
    for seed in range(8):
        for a, b in StratifiedKFold(5, shuffle=True, random_state=seed).split(raw, y):
            other.append(roc_auc_score(y[b], boost().fit(raw[a], y[a]).predict_proba(raw[b])[:, 1]))
    m = logit(L, y)
    write('online-retail.json', {'rows': len(y), 'features': names, 'folds': ''.join(map(str, fold)), 'coefficients': plain(m.coef_[0]),
                                 'intercept': plain(m.intercept_[0]), 'rocAuc': {k: [plain(v) for v in vs] for k, vs in aucs.items()},
                                 'boostingOverEightFoldings': plain(np.mean(other))})


logistic()
boosting()
metrics()
if len(sys.argv) > 1:
    retail(sys.argv[1])

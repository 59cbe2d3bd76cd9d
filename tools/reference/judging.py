"""Writes judging.json: calibrators, weighted metrics, time-ordered folds and distributions of scikit-learn and scipy on small seeded data.

Run by hand in the virtual environment of reference.py.
"""
import json, os, warnings
import numpy as np
import sklearn
from scipy import stats
from sklearn.calibration import CalibratedClassifierCV, _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (accuracy_score, average_precision_score, balanced_accuracy_score, brier_score_loss, f1_score, log_loss,
                             mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, precision_score, r2_score,
                             recall_score, roc_auc_score)
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit

warnings.filterwarnings('ignore')
HERE = os.path.dirname(os.path.abspath(__file__))


def plain(a):
    if isinstance(a, (list, tuple, np.ndarray)):
        return [plain(v) for v in a]
    v = float(a)
    return int(v) if v.is_integer() else v


def calibrators():
    g = np.random.default_rng(31)
    out = []
    for name, n, digits, unit, weighted in [('fine', 120, 6, 1., False), ('ties', 150, 1, 1., True), ('large', 60, 3, 500., False)]:
        f = np.round(g.standard_normal(n) * unit, digits)
        y = (g.random(n) < 1 / (1 + np.exp(-1.5 * f / unit + .4))).astype(float)
        w = g.integers(0, 4, n).astype(float) if weighted else None
        s = _SigmoidCalibration().fit(f, y, w)
        i = IsotonicRegression(out_of_bounds='clip').fit(f, y, w)
        probes = np.round(np.linspace(f.min() - unit, f.max() + unit, 41), digits)
        out.append({'name': name, 'values': plain(f), 'y': plain(y), 'weights': None if w is None else plain(w), 'slope': -float(s.a_), 'intercept': -float(s.b_),
                    'probes': plain(probes), 'isotonic': plain(i.predict(probes))})
    return out


def whole_models():
    """Logistic regression, converged, behind both calibrations, on stated folds."""
    g = np.random.default_rng(32)
    n, d = 160, 3
    X = np.round(g.standard_normal((n, d)), 3).astype(np.float32).astype(float)
    y = (g.random(n) < 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1] ** 2))).astype(int)
    fold = np.zeros(n, int)
    splits = list(StratifiedKFold(5, shuffle=True, random_state=3).split(X, y))
    for k, (_, b) in enumerate(splits):
        fold[b] = k
    base = LogisticRegression(C=2., solver='newton-cholesky', tol=1e-12, max_iter=200)
    p = {m: plain(CalibratedClassifierCV(base, method=m, cv=splits, ensemble=False).fit(X, y).predict_proba(X)[:, 1]) for m in ['sigmoid', 'isotonic']}
    return {'l2': .5, 'X': plain(X), 'y': plain(y), 'fold': plain(fold), 'platt': p['sigmoid'], 'isotonic': p['isotonic']}


def metrics():
    g = np.random.default_rng(33)
    out = []
    for name, n, digits in [('ties', 120, 1), ('fine', 90, 6)]:
        z = g.standard_normal(n)
        y = (g.random(n) < 1 / (1 + np.exp(-z))).astype(float)
        p = np.round(np.clip(1 / (1 + np.exp(-z + .8 * g.standard_normal(n))), .001, .999), digits).clip(.001, .999)
        t, q = np.round(3 * z + 1, 3), np.round(3 * z + 1 + g.standard_normal(n), 3)
        h = (p >= .5).astype(float)
        for w in [None, np.round(g.random(n) * 3, 2)]:
            k = {'sample_weight': w}
            out.append({'name': name + ('' if w is None else ', weighted'), 'y': plain(y), 'p': plain(p), 't': plain(t), 'q': plain(q), 'weights': None if w is None else plain(w), 'expected': {
                'rocAuc': roc_auc_score(y, p, **k), 'prAuc': average_precision_score(y, p, **k), 'logLoss': log_loss(y, p, **k), 'brier': brier_score_loss(y, p, **k),
                'accuracy': accuracy_score(y, h, **k), 'balancedAccuracy': balanced_accuracy_score(y, h, **k), 'precision': precision_score(y, h, **k),
                'recall': recall_score(y, h, **k), 'f1': f1_score(y, h, **k), 'rmse': mean_squared_error(t, q, **k) ** .5, 'mae': mean_absolute_error(t, q, **k),
                'r2': r2_score(t, q, **k), 'mape': mean_absolute_percentage_error(t, q, **k)}})
    return out


def corrected_t():
    """Nadeau & Bengio (2003), from the formula, with scipy's t."""
    g = np.random.default_rng(34)
    out = []
    for k, train, test in [(5, 80, 20), (10, 900, 100), (2, 50, 50)]:
        d = np.round(.02 + .03 * g.standard_normal(k), 5)
        se = np.sqrt(d.var(ddof=1) * (1 / k + test / train))
        reach = stats.t.ppf(.975, k - 1) * se
        out.append({'differences': plain(d), 'trainRows': train, 'testRows': test, 'standardError': se, 'low': d.mean() - reach, 'high': d.mean() + reach,
                    'pValue': 2 * stats.t.sf(abs(d.mean()) / se, k - 1)})
    return out


folds = [{'rows': n, 'folds': k, 'testRows': t, 'gap': gap, 'trainRows': m, 'splits': [[int(a[0]), int(a[-1]), int(b[0]), int(b[-1])] for a, b in
          TimeSeriesSplit(k, test_size=t, gap=gap, max_train_size=m).split(np.zeros(n))]} for n, k, t, gap, m in [(50, 4, 6, 3, None), (40, 5, 4, 0, None), (60, 3, 5, 7, 12)]]
value = {'generator': f'judging.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}', 'calibrators': calibrators(), 'calibrated': whole_models(), 'metrics': metrics(),
         'correctedT': corrected_t(), 'timeFolds': folds, 'studentCdf': [[t, k, stats.t.cdf(t, k)] for k in [1, 2, 4, 9, 30, 500] for t in [-40, -3, -.5, 0, .2, 1.7, 12]],
         'studentQuantile': [[p, k, stats.t.ppf(p, k)] for k in [1, 2, 4, 9, 99] for p in [.001, .025, .4, .5, .9, .975]]}
path = os.path.join(HERE, 'judging.json')
with open(path, 'w') as f:
    json.dump(value, f, separators=(',', ':'), allow_nan=False)
    f.write('\n')
print(os.path.getsize(path))

"""Writes the reference values for linear and ridge regression, linear support vectors, the perceptron and class weights: linear.json.

python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1
.venv/bin/python tools/reference/linear.py

Features are multiples of 1/256, so that float32 holds them exactly. Fits are converged: where a solver stops early, Newton's method in
float64 goes on until the gradient is rounding.
"""
import json, os
import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

HERE = os.path.dirname(os.path.abspath(__file__))
g = np.random.default_rng(21)
grid = lambda a: np.round(a * 256) / 256


def plain(a):
    if a is None:
        return None
    if isinstance(a, np.ndarray):
        return [plain(v) for v in a]
    v = float(a)
    return int(v) if v.is_integer() else float(f'{v:.12g}')


def case(name, X, y, w, m, l2, **more):
    return {'name': name, 'l2': l2, 'X': plain(X), 'y': plain(y), 'weights': plain(w), 'coefficients': plain(np.ravel(m.coef_)),
            'intercept': plain(np.ravel(m.intercept_)[0]), **more}


def regressions():
    out = []
    for name, n, d, l2, weighted in [('plain', 60, 4, 0, False), ('weighted', 60, 4, 0, True), ('ridge', 50, 5, 3.5, False), ('weighted ridge', 50, 3, 20, True),
                                     ('wide', 12, 20, 0, False), ('wide ridge', 12, 20, .5, False), ('collinear', 40, 5, 0, False), ('collinear ridge', 40, 5, 2, False)]:
        X = grid(g.standard_normal((n, d)) * g.uniform(.5, 3, d) + g.uniform(-4, 4, d))
        if name.startswith('collinear'):
            X[:, 2] = X[:, 0] + 2 * X[:, 1]
            X[:, 4] = 1.5
        y = grid(X @ g.standard_normal(d) + g.standard_normal(n) + 3)
        w = g.integers(0, 4, n).astype(float) if weighted else None
        m = (Ridge(alpha=l2, solver='svd') if l2 else LinearRegression()).fit(X, y, sample_weight=w)
        out.append(case(name, X, y, w, m, l2))
    return out


def squared_hinge(X, y, l2, w, start):
    """Newton's method on l2/2 |(coefficients, intercept)|^2 + sum of w max(0, 1 - side margin)^2."""
    A, s = np.column_stack([X, np.ones(len(X))]), 2 * y - 1
    v = start
    value = lambda v: l2 / 2 * v @ v + (w * np.maximum(0, 1 - s * (A @ v)) ** 2).sum()
    for _ in range(100):
        short = np.maximum(0, 1 - s * (A @ v))
        gradient = l2 * v - 2 * A.T @ (w * s * short)
        if np.abs(gradient).max() < 1e-11:
            break
        B = A[short > 0]
        step = np.linalg.solve(l2 * np.eye(len(v)) + 2 * (B * w[short > 0, None]).T @ B, -gradient)
        t = 1
        while value(v + t * step) > value(v) and t > 1e-10:
            t /= 2
        v = v + t * step
    assert np.abs(gradient).max() < 1e-8, gradient
    return v, value(v)


def classes(n, d):
    X = grid(g.standard_normal((n, d)) * g.uniform(.5, 2, d) + g.uniform(-1, 1, d))
    z = (X - X.mean(0)) @ g.standard_normal(d) / np.sqrt(d) * 1.5 - .7
    return X, (g.random(n) < 1 / (1 + np.exp(-z))).astype(float)


def machines():
    out = []
    for name, n, d, l2, weighted, balanced in [('plain', 80, 4, 1, False, False), ('strong', 60, 3, 30, False, False), ('weighted', 70, 4, .5, True, False),
                                               ('balanced', 80, 3, 1, False, True), ('wide', 20, 30, 1, False, False)]:
        X, y = classes(n, d)
        w = g.integers(0, 4, n).astype(float) if weighted else np.ones(n)
        kind = 'balanced' if balanced else None
        factor = w * np.where(y == 1, n / 2 / y.sum(), n / 2 / (n - y.sum())) if balanced else w
        m = LinearSVC(C=1 / l2, dual=False, tol=1e-10, max_iter=100000, class_weight=kind).fit(X, y, sample_weight=w)
        v, value = squared_hinge(X, y, l2, factor, np.append(m.coef_[0], m.intercept_))
        found = np.append(m.coef_[0], m.intercept_)
        assert np.abs(v - found).max() < 1e-4, (name, v, found)
        m.coef_, m.intercept_ = v[None, :-1], v[-1:]
        h = LinearSVC(C=1 / l2, loss='hinge', tol=1e-9, max_iter=10 ** 7, random_state=0, class_weight=kind).fit(X, y, sample_weight=w)
        u = np.append(h.coef_[0], h.intercept_)
        hinge = l2 / 2 * u @ u + (factor * np.maximum(0, 1 - (2 * y - 1) * (X @ u[:-1] + u[-1]))).sum()
        out.append(case(name, X, y, w if weighted else None, m, l2, balanced=balanced, objective=plain(value), hingeObjective=plain(hinge)))
    return out


def balanced_logistic():
    X, y = classes(90, 3)
    w = g.integers(0, 4, 90).astype(float)
    m = LogisticRegression(C=1 / 2, solver='newton-cholesky', tol=1e-12, max_iter=1000, class_weight='balanced').fit(X, y, sample_weight=w)
    return case('balanced', X, y, w, m, 2)


def perceptrons():
    X, y = classes(700, 5)
    a, b = slice(0, 400), slice(400, 700)
    aucs = [roc_auc_score(y[b], Perceptron(max_iter=5, tol=None, random_state=s).fit(X[a], y[a]).decision_function(X[b])) for s in range(200)]
    return {'trained': 400, 'X': plain(X), 'y': plain(y), 'meanAuc': plain(np.mean(aucs)), 'deviation': plain(np.std(aucs))}


value = {'generator': f'linear.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}', 'regressions': regressions(), 'machines': machines(),
         'balancedLogistic': balanced_logistic(), 'perceptron': perceptrons()}
with open(os.path.join(HERE, 'linear.json'), 'w') as f:
    json.dump(value, f, separators=(',', ':'), allow_nan=False)
    f.write('\n')
print(os.path.getsize(os.path.join(HERE, 'linear.json')), value['perceptron']['meanAuc'], value['perceptron']['deviation'])

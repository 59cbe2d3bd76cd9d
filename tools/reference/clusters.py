"""Writes what the specs of clusters and support vectors compare with: scikit-learn and scipy in float64, on values that float32 holds.

.venv/bin/python tools/reference/clusters.py
"""
import json, os
import numpy as np
import scipy, sklearn
from scipy.cluster.hierarchy import linkage
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.kernel_approximation import RBFSampler
from sklearn.svm import SVC, LinearSVC

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, value):
    value = {'generator': f'clusters.py, scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}', **value}
    with open(os.path.join(HERE, name), 'w') as f:
        json.dump(value, f, separators=(',', ':'), allow_nan=False)
        f.write('\n')
    print(name, os.path.getsize(os.path.join(HERE, name)))


def short(a, digits=9):
    """Nested lists, rounded to significant digits, whole numbers without their fraction."""
    if isinstance(a, (list, np.ndarray)):
        return [short(v, digits) for v in a]
    v = float(f'{float(a):.{digits}g}')
    return int(v) if v.is_integer() else v


def table(g, n, d, groups, spread):
    """Multiples of 1/64 around a few centres."""
    c = g.standard_normal((groups, d)) * spread
    return np.round((c[g.integers(0, groups, n)] + g.standard_normal((n, d))) * 64) / 64


def k_means():
    g = np.random.default_rng(21)
    cases = []
    for name, n, d, k, groups, spread, weighted, rounds in [
            ('separate', 120, 3, 4, 4, 4, False, 300), ('overlapping', 200, 5, 9, 3, 1, False, 300), ('stopped', 200, 4, 6, 2, 1, False, 3),
            ('weighted', 120, 3, 5, 3, 2, True, 300), ('far from 0', 120, 2, 5, 5, 3, False, 300), ('empty', 60, 2, 4, 3, 2, False, 300)]:
        X = table(g, n, d, groups, spread)
        if name == 'far from 0':
            X = X + 1000
        w = g.integers(0, 4, n).astype(float) if weighted else None
        start = X[:k].copy() if w is None else X[w > 0][:k].copy()
        if name == 'empty':
            start[2] = [900, 900]
            start[3] = [-800, 950]
        m = KMeans(k, init=start, n_init=1, max_iter=rounds, tol=0, algorithm='lloyd').fit(X, sample_weight=w)
        cases.append({'name': name, 'X': short(X), 'weights': None if w is None else short(w), 'start': short(start), 'rounds': rounds,
                      'centroids': short(m.cluster_centers_), 'labels': m.labels_.tolist(), 'inertia': short(m.inertia_, 12), 'iterations': int(m.n_iter_)})
    write('k-means.json', {'cases': cases})


def ward():
    g = np.random.default_rng(22)
    cases = []
    for name, n, d, groups, k in [('few', 12, 2, 2, 3), ('groups', 150, 3, 5, 5), ('noise', 260, 6, 1, 8)]:
        X = table(g, n, d, groups, 4)
        Z = linkage(X, 'ward')
        labels = AgglomerativeClustering(k, linkage='ward').fit_predict(X)
        cases.append({'name': name, 'X': short(X), 'clusters': k, 'labels': labels.tolist(), 'first': Z[:, 0].astype(int).tolist(),
                      'second': Z[:, 1].astype(int).tolist(), 'heights': short(Z[:, 2])})
    write('agglomerative.json', {'cases': cases})


def objective(m, X, y):
    """The dual that libsvm minimises, from its own multipliers."""
    a = m.dual_coef_[0]
    S = m.support_vectors_
    K = np.exp(-m._gamma * ((S[:, None] - S[None]) ** 2).sum(-1))
    return .5 * a @ K @ a - np.abs(a).sum()


def svm():
    g = np.random.default_rng(23)
    cases = []
    for name, n, d, c, gamma, balanced, weighted in [('scale', 200, 4, 1., 0, False, False), ('hard', 150, 3, 50., .5, False, False),
                                                     ('balanced', 200, 3, 1., .3, True, False), ('weighted', 150, 4, 2., 0, False, True)]:
        X = table(g, n, d, 3, 1)
        z = X[:, 0] + np.sin(2 * X[:, 1]) - (X[:, 2] > 1) - (1 if balanced else 0)
        y = (z + .7 * g.standard_normal(n) > 0).astype(float)
        w = g.integers(0, 4, n).astype(float) if weighted else None
        p = X if w is None else X[w > 0]
        if w is not None:
            p = np.repeat(X, w.astype(int), axis=0)
        value = gamma or 1 / (d * p.var())
        fit = lambda tol: SVC(C=c, gamma=value, tol=tol, class_weight='balanced' if balanced else None).fit(X, y, sample_weight=w)
        m, loose = fit(1e-6), fit(1e-3)
        cases.append({'name': name, 'c': c, 'gamma': gamma, 'class_weight': 'balanced' if balanced else 'none', 'X': short(X), 'y': short(y),
                      'weights': None if w is None else short(w), 'decisions': short(m.decision_function(X), 7), 'objective': short(objective(m, X, y), 10),
                      'vectors': int(m.n_support_.sum()), 'looseVectors': int(loose.n_support_.sum()), 'looseObjective': short(objective(loose, X, y), 10)})
    write('rbf-svm.json', {'cases': cases})


def fourier():
    """Squared hinge in the mapped space, from scikit-learn's own weights and offsets, so that only the solver is compared."""
    g = np.random.default_rng(24)
    X = table(g, 160, 3, 3, 1)
    y = (X[:, 0] + np.sin(2 * X[:, 1]) + .6 * g.standard_normal(160) > 0).astype(float)
    r = RBFSampler(gamma=.4, n_components=24, random_state=5).fit(X)
    r.random_weights_ = r.random_weights_.astype(np.float32).astype(float)
    r.random_offset_ = r.random_offset_.astype(np.float32).astype(float)
    Z = np.sqrt(2 / 24) * np.cos(X @ r.random_weights_ + r.random_offset_)
    cases = []
    for c in [.1, 3.]:
        # The intercept is a column of ones that the penalty leaves alone; scikit-learn's primal solver penalises it, so it is scaled away.
        m = LinearSVC(C=c, dual=False, tol=1e-12, max_iter=100000, intercept_scaling=1e4).fit(Z, y)
        cases.append({'c': c, 'coefficients': short(m.coef_[0]), 'intercept': short(m.intercept_[0]), 'decisions': short(m.decision_function(Z)[:40], 8)})
    write('fourier-svm.json', {'X': short(X), 'y': short(y), 'gamma': .4, 'weights': short(r.random_weights_.T), 'offsets': short(r.random_offset_), 'cases': cases})


k_means()
ward()
svm()
fourier()

"""Writes what XGBoost learns from small data whose every value has a bin of its own: margins after a few depth-limited trees.

Needs numpy and xgboost (3.2) in the environment of reference.py; python tools/reference/boosting.py
"""
import json, os
import numpy as np
import xgboost as xgb

HERE = os.path.dirname(os.path.abspath(__file__))


def fit(X, t, task, w, p):
    rate = {'l1': 'alpha', 'l2': 'lambda', 'min_hessian_in_leaf': 'min_child_weight', 'learning_rate': 'eta', 'max_depth': 'max_depth', 'leaves': 'max_leaves',
            'positive_weight': 'scale_pos_weight'}
    own = {'tree_method': 'hist', 'grow_policy': 'lossguide', 'max_bin': 256, 'nthread': 1, 'objective': 'reg:squarederror', 'lambda': 0., 'max_depth': 0}
    own.update({rate[k]: v for k, v in p.items() if k in rate})
    v = (np.ones(len(t)) if w is None else w) * np.where((t == 1) & (task == 'classification'), p.get('positive_weight', 1), 1)
    base = float((v * t).sum() / v.sum())
    if task == 'classification':
        own['objective'] = 'binary:logistic'
    d = xgb.DMatrix(X, t, weight=w, missing=np.nan)
    m = xgb.train({**own, 'base_score': base}, d, p['trees'])
    return [round(float(s), 7) for s in m.predict(d, output_margin=True)]


g = np.random.default_rng(21)
n = 240
X = g.integers(0, 60, (n, 4)).astype(float)
X[:, 3] = g.integers(0, 5, n)
X[g.random(n) < .15, 2] = np.nan
z = X[:, 0] / 15 - 2 + np.where(X[:, 1] > 30, 1, -.5) + .4 * X[:, 3] + np.where(np.isnan(X[:, 2]), 1.5, 0)
labels = (g.random(n) < 1 / (1 + np.exp(-z + 1))).astype(float)
targets = np.round(2 * z + g.standard_normal(n), 3)
weights = g.integers(1, 4, n).astype(float)
fits = []
for task, weighted, p in [('classification', False, {'trees': 1, 'learning_rate': 1, 'max_depth': 2, 'leaves': 4, 'l2': 1, 'min_hessian_in_leaf': 1}),
                          ('classification', False, {'trees': 5, 'learning_rate': .3, 'max_depth': 3, 'leaves': 6, 'l2': 1, 'min_hessian_in_leaf': 1}),
                          ('classification', False, {'trees': 5, 'learning_rate': .3, 'max_depth': 3, 'leaves': 8, 'l1': 2, 'l2': .5, 'min_hessian_in_leaf': .5}),
                          ('classification', True, {'trees': 5, 'learning_rate': .3, 'max_depth': 3, 'leaves': 8, 'l2': 1, 'min_hessian_in_leaf': 1, 'positive_weight': 3}),
                          ('regression', False, {'trees': 5, 'learning_rate': .3, 'max_depth': 3, 'leaves': 7, 'l2': 1, 'min_hessian_in_leaf': 4}),
                          ('regression', True, {'trees': 5, 'learning_rate': .3, 'max_depth': 4, 'leaves': 8, 'l1': 5, 'l2': 1, 'min_hessian_in_leaf': 4})]:
    margins = fit(X, labels if task == 'classification' else targets, task, weights if weighted else None, p)
    fits.append({'task': task, 'weighted': weighted, 'parameters': p, 'margins': margins})
plain = lambda a: [[None if v != v else int(v) for v in row] for row in a]
with open(os.path.join(HERE, 'boosting.json'), 'w') as f:
    json.dump({'generator': f'boosting.py, xgboost {xgb.__version__}, numpy {np.__version__}', 'X': plain(X), 'labels': [int(v) for v in labels],
               'targets': targets.tolist(), 'weights': [int(v) for v in weights], 'fits': fits}, f, separators=(',', ':'), allow_nan=False)
    f.write('\n')

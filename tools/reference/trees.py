"""Writes the reference values that the specs of trees compare with: `tree-shap.json` from LightGBM and XGBoost, `cart.json` and
`forests.json` from scikit-learn; the last on the data of `gradient-boosting.json`.

Run like reference.py, with lightgbm==4.7.0 and xgboost==3.2.0 as well: .venv/bin/python tools/reference/trees.py
"""
import json, os
import lightgbm, sklearn, xgboost
import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, value):
    value = {'generator': f'trees.py, scikit-learn {sklearn.__version__}, lightgbm {lightgbm.__version__}, xgboost {xgboost.__version__}', **value}
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


def lists(trees):
    """Our flat nodes from nested ones: each tree a function node -> (feature, threshold, missing left, left, right) or a leaf's value, and cover."""
    out = {k: [] for k in ['roots', 'feature', 'threshold', 'left', 'right', 'missingLeft', 'value', 'cover']}

    def put(node):
        at = len(out['feature'])
        for k in out:
            if k != 'roots':
                out[k].append(node.get(k, -1 if k in ('feature', 'left', 'right') else 0))
        if 'children' in node:
            out['left'][at] = put(node['children'][0])
            out['right'][at] = put(node['children'][1])
        return at
    for tree in trees:
        out['roots'].append(put(tree))
    return out


def from_lightgbm(node):
    if 'leaf_value' in node:
        return {'value': node['leaf_value'], 'cover': node['leaf_count']}
    return {'feature': node['split_feature'], 'threshold': node['threshold'], 'missingLeft': int(node['default_left']), 'cover': node['internal_count'],
            'children': [from_lightgbm(node['left_child']), from_lightgbm(node['right_child'])]}


def from_xgboost(node):
    """XGBoost goes left below its float32 threshold: that is at most the float32 before it."""
    if 'leaf' in node:
        return {'value': node['leaf'], 'cover': node['cover']}
    children = {c['nodeid']: from_xgboost(c) for c in node['children']}
    return {'feature': int(node['split'][1:]), 'threshold': float(np.nextafter(np.float32(node['split_condition']), np.float32(-np.inf))),
            'missingLeft': int(node['missing'] == node['yes']), 'cover': node['cover'], 'children': [children[node['yes']], children[node['no']]]}


def shap():
    g = np.random.default_rng(21)
    n, d = 1500, 7
    X = np.round(g.standard_normal((n, d)) * 8) / 8
    X[g.random((n, d)) < .08] = np.nan
    Z = np.nan_to_num(X, nan=.7)
    z = Z[:, 0] + np.where(Z[:, 1] > 0, Z[:, 2], -Z[:, 2]) + .5 * Z[:, 3] * Z[:, 4] + .2 * g.standard_normal(n)
    y = (z > .2).astype(float)
    rows = X[:40]
    booster = lightgbm.train({'objective': 'binary', 'num_leaves': 14, 'min_data_in_leaf': 10, 'verbose': -1, 'deterministic': True, 'num_threads': 1,
                              'boost_from_average': False}, lightgbm.Dataset(X, y), 8)
    light = {'nodes': lists([from_lightgbm(t['tree_structure']) for t in booster.dump_model()['tree_info']]),
             'contributions': plain(booster.predict(rows, pred_contrib=True)), 'margins': plain(booster.predict(rows, raw_score=True))}
    model = xgboost.train({'objective': 'binary:logistic', 'max_depth': 4, 'tree_method': 'hist', 'base_score': .5, 'nthread': 1}, xgboost.DMatrix(X, y), 6)
    trees = [json.loads(t) for t in model.get_dump(with_stats=True, dump_format='json')]
    xg = {'nodes': lists([from_xgboost(t) for t in trees]), 'contributions': plain(model.predict(xgboost.DMatrix(rows), pred_contribs=True)),
          'margins': plain(model.predict(xgboost.DMatrix(rows), output_margin=True))}
    write('tree-shap.json', {'rows': plain(rows), 'lightgbm': light, 'xgboost': xg})


def cart(seed=32, save=True):
    """Whole numbers, so that a bin holds one value; real weights in the target keep two splits from being equally good but by chance, and where that
    happens scikit-learn picks by its seed: several seeds must agree, or the case is left out."""
    g = np.random.default_rng(seed)
    n, d = 400, 5
    X = g.integers(0, 60, (n, d)).astype(float)
    X[:, 1] = g.integers(0, 3, n)
    X[:, 4] = np.round(20 * g.standard_normal(n)) / 4
    holed = X.copy()
    holed[g.random(n) < .25, 0] = np.nan
    holed[g.random(n) < .1, 3] = np.nan
    z = np.where(np.isnan(holed[:, 0]), 1.1, X[:, 0] / 30 - 1) + .7 * (X[:, 1] == 1) * (X[:, 2] > 25) + .02 * X[:, 4]
    y = (g.random(n) < 1 / (1 + np.exp(-2 * z + 1.5))).astype(float)
    r = np.round(z + .3 * g.standard_normal(n), 4)
    w = g.integers(0, 4, n).astype(float)
    fits = []
    for name, task, data, p, weights in [
            ('gini', 'classification', X, {'max_depth': 3}, None), ('deep', 'classification', X, {'min_rows_in_leaf': 14}, None),
            ('entropy', 'classification', X, {'max_depth': 4, 'min_rows_in_leaf': 14, 'criterion': 'entropy'}, None),
            ('balanced', 'classification', X, {'max_depth': 3, 'min_rows_in_leaf': 16, 'class_weight': 'balanced'}, None),
            ('by gain', 'classification', X, {'max_leaves': 9}, None), ('missing', 'classification', holed, {'max_depth': 4, 'min_rows_in_leaf': 20}, None),
            ('squares', 'regression', X, {'max_depth': 5, 'min_rows_in_leaf': 9, 'min_rows_to_split': 30}, None),
            ('squares by gain', 'regression', X, {'max_leaves': 9, 'min_rows_in_leaf': 9}, None),
            ('squares missing', 'regression', holed, {'max_depth': 4, 'min_rows_in_leaf': 9}, None), ('squares weighted', 'regression', X, {'max_depth': 3}, w)]:
        Model = DecisionTreeClassifier if task == 'classification' else DecisionTreeRegressor
        q = {'max_depth': p.get('max_depth'), 'min_samples_leaf': p.get('min_rows_in_leaf', 1), 'min_samples_split': p.get('min_rows_to_split', 2), 'max_leaf_nodes': p.get('max_leaves')}
        if task == 'classification':
            q |= {'criterion': p.get('criterion', 'gini'), 'class_weight': 'balanced' if 'class_weight' in p else None}
        found = []
        for seed in range(6):
            m = Model(**q, random_state=seed).fit(data, y if task == 'classification' else r, sample_weight=weights)
            t = m.tree_
            value = t.value[:, 0, 1] if task == 'classification' else t.value[:, 0, 0]
            splits = sorted([int(t.feature[i]), float(t.threshold[i]), bool(t.missing_go_to_left[i])] for i in range(t.node_count) if t.children_left[i] >= 0)
            leaves = sorted([round(float(value[i]), 11), round(float(t.weighted_n_node_samples[i]), 8)] for i in range(t.node_count) if t.children_left[i] < 0)
            found.append((splits, leaves))
        agree = all(f == found[0] for f in found[1:])
        fits.append({'name': name, 'task': task, 'parameters': p, 'missing': data is holed, 'weighted': weights is not None, 'agree': agree,
                     'splits': [[f, v, int(left)] for f, v, left in found[0][0]], 'leaves': [list(leaf) for leaf in found[0][1]]})
    if not save:
        return [f['name'] for f in fits if f['agree']]
    write('cart.json', {'X': plain(X), 'holed': plain(holed[:, [0, 3]]), 'labels': plain(y), 'targets': plain(r), 'weights': plain(w), 'fits': fits})


def forests():
    with open(os.path.join(HERE, 'gradient-boosting.json')) as f:
        table = json.load(f)
    X = np.array([[np.nan if v is None else v for v in row] for row in table['X']])
    k = table['trained']
    out = []
    for task, y, Model in [('classification', np.array(table['labels']), RandomForestClassifier), ('regression', np.array(table['targets']), RandomForestRegressor)]:
        for p in [{'trees': 100, 'max_depth': 6}, {'trees': 100, 'min_rows_in_leaf': 5, 'features_per_split': 3}]:
            share = 'sqrt' if task == 'classification' else 1 / 3
            scores = []
            for seed in range(4):
                m = Model(p['trees'], max_depth=p.get('max_depth'), min_samples_leaf=p.get('min_rows_in_leaf', 1), max_features=p.get('features_per_split', share), random_state=seed).fit(X[:k], y[:k])
                scores.append(roc_auc_score(y[k:], m.predict_proba(X[k:])[:, 1]) if task == 'classification' else r2_score(y[k:], m.predict(X[k:])))
            out.append({'task': task, 'parameters': p, 'score': round(float(np.mean(scores)), 6)})
    write('forests.json', {'forests': out})


if __name__ == '__main__':
    shap()
    cart()
    forests()

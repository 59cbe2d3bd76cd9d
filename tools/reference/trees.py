"""Writes the reference values that the specs of trees compare with: `tree-shap.json` from LightGBM and XGBoost, `cart.json` from scikit-learn.

Run like reference.py, with lightgbm==4.7.0 and xgboost==3.2.0 as well: .venv/bin/python tools/reference/trees.py
"""
import json, os
import lightgbm, sklearn, xgboost
import numpy as np
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


if __name__ == '__main__':
    shap()

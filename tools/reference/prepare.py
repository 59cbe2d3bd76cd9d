"""Writes the reference values that the specs of preparation and naive Bayes compare with, from scikit-learn in float64.

.venv/bin/python tools/reference/prepare.py [folder with peers/ and data/]      (the environment of reference.py)

Features are whole multiples of 1/64, so that float32 holds them exactly and both sides read the same numbers. Of the Telco table (optional
argument) it keeps only scores.
"""
import json, os, sys
import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, RobustScaler, StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, value):
    value = {'generator': f'prepare.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}', **value}
    with open(os.path.join(HERE, name), 'w') as f:
        json.dump(value, f, separators=(',', ':'), allow_nan=False)
        f.write('\n')
    print(name, os.path.getsize(os.path.join(HERE, name)))


def plain(a):
    """Nested lists of 12 significant digits, null for NaN, whole numbers without their fraction."""
    if isinstance(a, (np.ndarray, list, tuple)):
        return [plain(v) for v in a]
    v = float(a)
    return None if v != v else int(v) if v.is_integer() else float(f'{v:.12g}')


def grid(a):
    return np.round(a * 64) / 64


def steps():
    g = np.random.default_rng(31)
    n, names = 30, ['a', 'b', 'c', 'd']
    X = grid(g.standard_normal((n, 4)) * np.array([1, 20, .5, 3]) + np.array([0, 100, -2, 5]))
    X[:, 3] = g.integers(0, 4, n)
    X[10:14, 0] = X[9, 0]
    H = X.copy()
    H[g.random((n, 4)) < .2] = np.nan
    out = []
    for step, options, m in [('standardize', {}, StandardScaler()), ('min_max', {'low': -1, 'high': 2}, MinMaxScaler((-1, 2))), ('robust', {}, RobustScaler()),
                             ('robust', {'lower': 10, 'upper': 80}, RobustScaler(quantile_range=(10, 80)))]:
        out.append({'step': {'step': step, **options}, 'rows': plain(m.fit_transform(H)), 'names': names})
    for strategy in ['mean', 'median', 'most_frequent', 'constant']:
        m = SimpleImputer(strategy=strategy, fill_value=-7 if strategy == 'constant' else None, add_indicator=True)
        out.append({'step': {'step': 'impute', 'strategy': strategy, 'indicator': True, **({'value': -7} if strategy == 'constant' else {})},
                    'rows': plain(m.fit_transform(H)), 'names': names + [f'{names[j]} missing' for j in m.indicator_.features_]})
    polynomials = []
    for degree, only in [(2, False), (2, True), (3, False), (3, True)]:
        m = PolynomialFeatures(degree, interaction_only=only, include_bias=False)
        polynomials.append({'step': {'step': 'polynomial', 'degree': degree, 'interaction_only': only}, 'rows': plain(m.fit_transform(X[:4])), 'names': list(m.get_feature_names_out(names))})
    labels = ['red', 'green', 'blue', 'Ünknown, red']
    codes = g.integers(0, 4, 12)
    m = OneHotEncoder(handle_unknown='ignore', sparse_output=False).fit(np.array(labels)[codes][:, None])
    hot = {'labels': labels, 'codes': plain(codes), 'rows': plain(m.transform(np.array(labels)[codes][:, None])), 'names': [f'colour={v}' for v in m.categories_[0]]}
    write('prepare-steps.json', {'names': names, 'X': plain(X), 'holes': plain(H), 'columnSteps': out, 'polynomials': polynomials, 'oneHot': hot})


def components():
    g = np.random.default_rng(32)
    n, d = 60, 6
    X = grid(g.standard_normal((n, 3)) @ g.standard_normal((3, d)) * 2 + .3 * g.standard_normal((n, d)) + np.arange(d) * 10)
    cases = []
    for options, m in [({'components': 3}, PCA(3, svd_solver='full')), ({'components': 6, 'whiten': True}, PCA(6, whiten=True, svd_solver='full')),
                       ({'components': .95}, PCA(.95, svd_solver='full'))]:
        Z = m.fit_transform(X)
        cases.append({'options': options, 'loadings': plain(m.components_), 'variance': plain(m.explained_variance_), 'ratio': plain(m.explained_variance_ratio_), 'rows': plain(Z[:8])})
    write('pca.json', {'X': plain(X), 'cases': cases})


def bayes():
    g = np.random.default_rng(33)
    n = 80
    y = g.integers(0, 2, n)
    X = grid(g.standard_normal((n, 4)) * np.array([1, 3, .2, 50]) + y[:, None] * np.array([1, -1, .1, 0]) + np.array([0, 500, 0, -7]))
    w = g.integers(0, 4, n).astype(float)
    gaussian = []
    for name, weights in [('plain', None), ('weighted', w)]:
        m = GaussianNB().fit(X, y, sample_weight=weights)
        # The peer takes the smoothing from unweighted variances.
        gaussian.append({'name': name, 'weights': None if weights is None else plain(weights), 'mean': plain(m.theta_), 'variance': plain(m.var_ - m.epsilon_),
                         'logProbabilities': plain(m.predict_log_proba(X)), 'prior': plain(m.class_prior_)})
    C = np.stack([g.integers(0, 3, n), np.where(y == 1, g.integers(0, 5, n), g.integers(0, 2, n))], 1)
    categorical = []
    for alpha in [1., .1]:
        m = CategoricalNB(alpha=alpha, min_categories=[3, 6]).fit(C, y)
        categorical.append({'smoothing': alpha, 'logShares': [plain(v) for v in m.feature_log_prob_], 'logProbabilities': plain(m.predict_log_proba(C))})
    write('naive-bayes.json', {'X': plain(X), 'y': plain(y), 'gaussian': gaussian, 'codes': plain(C), 'labelCounts': [3, 6], 'categorical': categorical})


def telco(folder):
    """AUC by fold on the peers' five folds: three numbers standardised, labels one-hot."""
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC
    d = pd.read_csv(os.path.join(folder, 'data/telco/telco-customer-churn.csv'))
    d['TotalCharges'] = pd.to_numeric(d.TotalCharges.str.strip().replace('', '0'))
    y = (d.Churn == 'Yes').astype(int).values
    numbers = ['tenure', 'MonthlyCharges', 'TotalCharges', 'SeniorCitizen']
    labels = [c for c in d.columns if c not in numbers + ['customerID', 'Churn']]
    X = np.hstack([d[numbers].astype(float).values] + [(d[[c]].values == np.array(sorted(d[c].unique()))[None, :]).astype(float) for c in labels])
    fold = np.loadtxt(os.path.join(folder, 'peers/telco_folds.csv')).astype(int)
    models = {'naiveBayes': lambda: GaussianNB(), 'pcaForest': lambda: make_pipeline(PCA(10), RandomForestClassifier(300, random_state=42, n_jobs=2)),
              'pcaSvm': lambda: make_pipeline(PCA(10), SVC(C=1.0))}
    aucs = {name: [] for name in models}
    for k in range(5):
        a, b = fold != k, fold == k
        Z = X.copy()
        Z[:, :3] = (X[:, :3] - X[a, :3].mean(0)) / X[a, :3].std(0)
        for name, make in models.items():
            m = make().fit(Z[a], y[a])
            aucs[name].append(plain(roc_auc_score(y[b], m.predict_proba(Z[b])[:, 1] if name != 'pcaSvm' else m.decision_function(Z[b]))))
    write('telco-pipelines.json', {'rocAuc': aucs})


steps()
components()
bayes()
if len(sys.argv) > 1:
    telco(sys.argv[1])

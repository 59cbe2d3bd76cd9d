"""Writes neural.json: networks of scikit-learn's MLPClassifier and MLPRegressor after a few epochs from weights that the file carries.

Run by hand in the virtual environment of reference.py. Rows go in their own order (shuffle=False) and in float64, so that the only
freedom left is rounding.
"""
import json, os, warnings
import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.filterwarnings('ignore')
HERE = os.path.dirname(os.path.abspath(__file__))


def rounded(a, digits):
    return [rounded(v, digits) for v in a] if isinstance(a, (list, np.ndarray)) else round(float(a), digits)


def started(Model, start):
    """The model class with its first weights given instead of drawn."""
    class Started(Model):
        def _init_coef(self, fan_in, fan_out, dtype):
            coef, bias = start[(fan_in, fan_out)]
            return coef.astype(dtype), bias.astype(dtype)
    return Started


def main():
    g = np.random.default_rng(21)
    cases = []
    for name, task, hidden, activation, batch, epochs, l2, weighted in [
            ('relu', 'classification', [6, 5], 'relu', 32, 6, 1e-4, False), ('tanh', 'classification', [7], 'tanh', 20, 6, 0.5, False),
            ('regression', 'regression', [8, 3], 'relu', 25, 6, 0.01, False), ('weighted', 'classification', [5], 'relu', 30, 6, 0.1, True)]:
        n, d = 100, 3
        X = np.round(g.standard_normal((n, d)), 3).astype(np.float32).astype(float)
        z = 1.5 * X[:, 0] - X[:, 1] * X[:, 2] + 0.3 * g.standard_normal(n)
        y = (z > 0).astype(float) if task == 'classification' else np.round(z / z.std(), 3)
        w = g.integers(0, 4, n).astype(float) if weighted else None
        widths = [d, *hidden, 1]
        start = {(a, b): (np.round(g.uniform(-.8, .8, (a, b)), 4), np.round(g.uniform(-.8, .8, b), 4)) for a, b in zip(widths, widths[1:])}
        Model = started(MLPClassifier if task == 'classification' else MLPRegressor, start)
        m = Model(hidden_layer_sizes=hidden, activation=activation, alpha=l2, batch_size=batch, max_iter=epochs, shuffle=False, tol=0, learning_rate_init=0.01)
        m.fit(X, y, sample_weight=w)
        out = np.log(m.predict_proba(X)[:, 1] / m.predict_proba(X)[:, 0]) if task == 'classification' else m.predict(X)
        cases.append({'name': name, 'task': task, 'hidden': hidden, 'activation': activation, 'batch': batch, 'epochs': epochs, 'l2': l2,
                      'X': rounded(X, 6), 'y': rounded(y, 3), 'weights': None if w is None else rounded(w, 0),
                      'start': [{'weights': rounded(start[k][0], 4), 'bias': rounded(start[k][1], 4)} for k in zip(widths, widths[1:])],
                      'layers': [{'weights': rounded(c, 7), 'bias': rounded(b, 7)} for c, b in zip(m.coefs_, m.intercepts_)], 'margins': rounded(out, 6)})
    path = os.path.join(HERE, 'neural.json')
    with open(path, 'w') as f:
        json.dump({'generator': f'neural.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}', 'cases': cases}, f, separators=(',', ':'), allow_nan=False)
        f.write('\n')
    print(os.path.getsize(path))


main()

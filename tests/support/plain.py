"""Slow and obvious NumPy versions of what the package computes, to compare it with. Knows no
JAX.
"""

from fractions import Fraction

import numpy as np


def all_pairs(n):
    """Every pair (i, j) with i < j, in the order of their ranks."""
    return [(i, j) for i in range(n) for j in range(i + 1, n)]


def mix_byte(a, b, w):
    """One byte of a mix: exact rational arithmetic, then the nearest integer, ties to even."""
    return round(Fraction(int(w) * int(a) + (65536 - int(w)) * int(b), 65536))


def mix_bytes(x_i, x_j, w):
    """The 8-bit mix of two images."""
    flat = [mix_byte(a, b, w) for a, b in zip(x_i.ravel(), x_j.ravel(), strict=True)]
    return np.array(flat, np.uint8).reshape(x_i.shape)


def mix(x_i, x_j, lam):
    """The unrounded mix, in float64."""
    return lam * np.asarray(x_i, np.float64) + (1 - lam) * np.asarray(x_j, np.float64)


def softmax(z):
    """Softmax of the last axis."""
    e = np.exp(z - np.max(z, -1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def c1(logits):
    """Confidence in one image."""
    return float(softmax(np.asarray(logits, np.float64)).max())


def c2(network, x_i, x_j, lams):
    """C2 of one pair and the index of its first arg-min; ``network`` maps one image to logits."""
    confidence = [c1(network(mix(x_i, x_j, lam))) for lam in lams]
    best = confidence.index(min(confidence))
    return confidence[best], best


def k_lowest(scored, k):
    """The k lowest of (score, rank, best) triples; ties go to the lower rank."""
    return sorted(scored, key=lambda one: (one[0], one[1]))[:k]


def soft_cross_entropy(logits, target):
    """Cross-entropy of one image against a distribution."""
    return -sum(
        t * np.log(p) for t, p in zip(target, softmax(np.asarray(logits, np.float64)), strict=True)
    )


def entropy(p):
    """Entropy in nats."""
    return -sum(v * np.log(v) for v in p if v > 0)


def kl(p, q):
    """KL(p || q) in nats."""
    return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def tempered(p, tau):
    """p**(1/tau), renormalised."""
    power = np.asarray(p, np.float64) ** (1 / tau)
    return power / power.sum()


def local_response_norm(x):
    """AlexNet's normalisation over 5 channels of one position ``[C]``; the sum is not averaged."""
    result = np.empty(len(x))
    for c in range(len(x)):
        total = sum(x[d] ** 2 for d in range(max(c - 2, 0), min(c + 3, len(x))))
        result[c] = x[c] / (1 + 1e-4 * total) ** 0.75
    return result


def max_pool(x, window, stride):
    """Max pooling of one image ``[H, W, C]`` without padding."""
    height, width = ((size - window) // stride + 1 for size in x.shape[:2])
    result = np.empty((height, width, x.shape[2]))
    for r in range(height):
        for c in range(width):
            top, left = r * stride, c * stride
            result[r, c] = x[top : top + window, left : left + window].max((0, 1))
    return result


def convolve(x, kernel, bias):
    """Convolution (in fact correlation) of one image ``[H, W, C]`` without padding."""
    size = kernel.shape[0]
    height, width = x.shape[0] - size + 1, x.shape[1] - size + 1
    result = np.empty((height, width, kernel.shape[3]))
    for r in range(height):
        for c in range(width):
            result[r, c] = np.tensordot(x[r : r + size, c : c + size], kernel, 3) + bias
    return result


def lenet5(params, image):
    """Logits of LeNet-5, or of its half, for one image ``[H, W, C]`` of values in [0, 255]."""

    def layer(name):
        return (np.asarray(params[name][part], np.float64) for part in ("kernel", "bias"))

    def dense(x, name):
        kernel, bias = layer(name)
        return x @ kernel + bias

    x = np.zeros((32, 32, image.shape[2]))
    top, left = ((32 - size) // 2 for size in image.shape[:2])
    x[top : top + image.shape[0], left : left + image.shape[1]] = (
        np.asarray(image, np.float64) / 255
    )
    for name in ("conv1", "conv2"):
        x = max_pool(np.maximum(convolve(x, *layer(name)), 0), 2, 2)
    x = x.reshape(-1)
    for name in ("fc1", "fc2"):
        x = np.maximum(dense(x, name), 0)
    return dense(x, "fc3")


def random_variables(shapes, seed):
    """Variables for a tree of shapes, none of them at its initial value: biases and BatchNorm
    included.
    """
    rng = np.random.default_rng(seed)

    def fill(name, node):
        if hasattr(node, "items"):
            return {key: fill(key, node[key]) for key in sorted(node)}
        shape = node.shape
        if name == "kernel":
            values = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        elif name in ("scale", "var"):
            values = rng.uniform(0.5, 1.5, shape)
        else:
            assert name in ("bias", "mean"), name
            values = rng.normal(0, 0.2, shape)
        return values.astype(np.float32)

    return fill("", shapes)


def affine(image, angle, zoom):
    """An image turned counter-clockwise and zoomed about its middle, bilinear, black outside; not
    yet rounded.
    """
    height, width, _ = image.shape
    padded = np.pad(image.astype(np.float64), [(0, 1), (0, 1), (0, 0)])
    found = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            down, right = row - (height - 1) / 2, column - (width - 1) / 2
            y = (np.cos(angle) * down + np.sin(angle) * right) / zoom[0] + (height - 1) / 2
            x = (np.cos(angle) * right - np.sin(angle) * down) / zoom[1] + (width - 1) / 2
            top, left = np.floor(y), np.floor(x)
            for a, b in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= a < height and 0 <= b < width:
                    share = (1 - abs(y - a)) * (1 - abs(x - b))
                    found[row, column] += share * padded[int(a), int(b)]
    return found


def ranking_loss(predicted, true, margin=1.0):
    """Learning Loss: how far pairs (b, B-1-b) of predictions are from the order of the true losses,
    in the mean.
    """
    half = len(predicted) // 2
    terms = []
    for first in range(half):
        second = len(predicted) - 1 - first
        sign = 1 if true[first] > true[second] else -1
        terms.append(max(0.0, margin - sign * (predicted[first] - predicted[second])))
    return sum(terms) / half


def predicted_loss(params, features):
    """Of one image, by a hidden layer with ReLU and a last one, ``[d]`` features."""
    hidden = np.maximum(features @ params["hidden"]["kernel"] + params["hidden"]["bias"], 0)
    return float(hidden @ params["last"]["kernel"][:, 0] + params["last"]["bias"][0])


def ranking_gradient(params, features, true, margin=1.0):
    """Of :func:`ranking_loss` by every weight of the predictor, pair by pair, by hand."""
    found = {
        name: {part: np.zeros_like(values) for part, values in layer.items()}
        for name, layer in params.items()
    }
    half = len(features) // 2
    for first in range(half):
        second = len(features) - 1 - first
        sign = 1 if true[first] > true[second] else -1
        difference = predicted_loss(params, features[first]) - predicted_loss(
            params, features[second]
        )
        if margin - sign * difference <= 0:
            continue
        for place, of_prediction in ((first, -sign / half), (second, sign / half)):
            raw = features[place] @ params["hidden"]["kernel"] + params["hidden"]["bias"]
            found["last"]["kernel"][:, 0] += of_prediction * np.maximum(raw, 0)
            found["last"]["bias"] += of_prediction
            of_raw = of_prediction * params["last"]["kernel"][:, 0] * (raw > 0)
            found["hidden"]["kernel"] += np.outer(features[place], of_raw)
            found["hidden"]["bias"] += of_raw
    return found


def adam(values, gradients_of, batches, rate=1e-3):
    """Adam's steps on a list of arrays (Kingma and Ba, 2015, Algorithm 1), one for each batch."""
    means, squares = ([np.zeros_like(value) for value in values] for _ in range(2))
    for step, batch in enumerate(batches, 1):
        for place, gradient in enumerate(gradients_of(values, batch)):
            means[place] = 0.9 * means[place] + 0.1 * gradient
            squares[place] = 0.999 * squares[place] + 0.001 * gradient**2
            mean, square = means[place] / (1 - 0.9**step), squares[place] / (1 - 0.999**step)
            values[place] = values[place] - rate * mean / (np.sqrt(square) + 1e-8)
    return values

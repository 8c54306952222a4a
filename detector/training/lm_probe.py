"""Fit the probe of the last stage: one small network for tokens and pages at once, by Adam (Kingma and Ba 2015).

Both losses are logistic. Token labels teach it where spinners strike, page labels that some pages without a
known replacement are spun all the same. Plain numpy, deterministic for one thread of BLAS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.lm.probe import CLIP, MOMENT_SCALE, Probe

HIDDEN = 64
EPOCHS = 5
BATCH_PAGES = 16
RATE, DECAY = 1e-3, 1e-2
DROP, DROP_POOL = 0.3, 0.5
"""Shares of hidden units, and of the mean state, left out while training (Srivastava et al. 2014)."""
SAMPLED = 0.4
"""Share of a page's tokens that one step looks at: faster, and another page each time."""
TOKEN_LOSS = 3.0
POOL_SHARE = 0.2
"""The mean state enters through weights this small: 576 numbers would learn the training pages by heart."""


@dataclass(frozen=True)
class Page:
    """One training page: `states` float16[L, W], `tokens` int8[L] (1 replaced, 0 not, -1 unknown), `spun`."""

    states: np.ndarray
    tokens: np.ndarray
    spun: int
    weight: float


def fit_probe(pages: list[Page], seed: int, hidden: int = HIDDEN, epochs: int = EPOCHS) -> Probe:
    """A probe fitted on all `pages`, each of at least one token."""
    generator = np.random.default_rng(seed)
    scaling = _scaling(pages)
    weights = _initial(len(scaling["mean"]), hidden, generator)
    moment = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in weights.items()}
    batches = _batches(pages)
    steps, total = 0, epochs * len(batches)
    for _ in range(epochs):
        for index in generator.permutation(len(batches)):
            gradient = _gradient(weights, scaling, [pages[i] for i in batches[index]], generator)
            rate = RATE * (1 - steps / total)
            steps += 1
            for name, g in gradient.items():
                first, second = moment[name]
                first += 0.1 * (g - first)
                second += 0.001 * (g * g - second)
                step = (first / (1 - 0.9**steps)) / (np.sqrt(second / (1 - 0.999**steps)) + 1e-8)
                weights[name] -= rate * (step + DECAY * weights[name])
    pool = weights.pop("pool") * POOL_SHARE
    return Probe(**(scaling | weights | {"pool": pool}))


def _scaling(pages: list[Page]) -> dict[str, np.ndarray]:
    """Mean and deviation of states, and of the standardised states' means over a page."""
    means = np.array([page.states.mean(axis=0, dtype=np.float32) for page in pages])
    squares = np.array(
        [(page.states.astype(np.float32) ** 2).mean(axis=0) for page in pages[:: len(pages) // 2000 + 1]]
    )
    mean = means.mean(axis=0)
    scale = np.sqrt(np.maximum(squares.mean(axis=0) - mean**2, 0)) + np.float32(1e-3)
    pooled = np.array([_standard(page.states, mean, scale).mean(axis=0) for page in pages])
    return {
        "mean": mean,
        "scale": scale,
        "pool_mean": pooled.mean(axis=0),
        "pool_scale": pooled.std(axis=0) + np.float32(1e-4),
    }


def _standard(states: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    z: np.ndarray = np.clip((states.astype(np.float32) - mean) / scale, -CLIP, CLIP)
    return z


def _initial(width: int, hidden: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    def uniform(size: tuple[int, ...], fan: int) -> np.ndarray:
        return generator.uniform(-1, 1, size).astype(np.float32) / np.float32(np.sqrt(fan))

    return {
        "hidden": uniform((2 * width, hidden), 2 * width),
        "hidden_bias": np.zeros(hidden, np.float32),
        "token": uniform((hidden + 1,), hidden),
        "page": uniform((hidden + 4,), hidden),
        "pool": np.zeros(width, np.float32),
    }


def _batches(pages: list[Page]) -> list[np.ndarray]:
    order = np.argsort([len(page.tokens) for page in pages], kind="stable")
    return [order[i : i + BATCH_PAGES] for i in range(0, len(order), BATCH_PAGES)]


def _sample(count: int, generator: np.random.Generator) -> np.ndarray:
    """Places of some of `count` tokens, at least one, in order."""
    return np.sort(generator.permutation(count)[: max(1, round(SAMPLED * count))])


def _pairs(states: np.ndarray, at: np.ndarray, scaling: dict[str, np.ndarray]) -> np.ndarray:
    """float32[len(at), 2W]: the standardised states at `at`, each beside the one after it (zeros at the end)."""
    here = _standard(states[at], scaling["mean"], scaling["scale"])
    following = _standard(states[np.minimum(at + 1, len(states) - 1)], scaling["mean"], scaling["scale"])
    following[at == len(states) - 1] = 0
    return np.concatenate([here, following], axis=1)


def _gradient(
    weights: dict[str, np.ndarray],
    scaling: dict[str, np.ndarray],
    pages: list[Page],
    generator: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Gradients of both losses, pages of a batch laid end to end."""
    sampled = [_sample(len(page.tokens), generator) for page in pages]
    lengths = np.array([len(at) for at in sampled])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    of = np.repeat(np.arange(len(pages)), lengths)
    both = np.concatenate([_pairs(page.states, at, scaling) for page, at in zip(pages, sampled, strict=True)])
    z = both[:, : both.shape[1] // 2]
    width = weights["hidden"].shape[1]

    inner = both @ weights["hidden"] + weights["hidden_bias"]
    bend = np.tanh(0.7978845608 * (inner + 0.044715 * inner**3))
    kept = (generator.random(inner.shape, np.float32) >= DROP) / np.float32(1 - DROP)
    hidden = 0.5 * inner * (1 + bend) * kept
    odds = hidden @ weights["token"][:-1] + weights["token"][-1]
    probability = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    share = (1 / lengths).astype(np.float32)[of]
    raised = np.exp(odds - np.maximum.reduceat(odds, starts)[of])
    total = np.add.reduceat(raised, starts)
    summary = np.concatenate(
        [
            np.add.reduceat(hidden * share[:, None], starts),
            MOMENT_SCALE * np.add.reduceat(probability * share, starts)[:, None],
            MOMENT_SCALE * np.add.reduceat(probability**2 * share, starts)[:, None],
            (np.maximum.reduceat(odds, starts) + np.log(total / lengths))[:, None],
        ],
        axis=1,
    )
    pooled = (np.add.reduceat(z * share[:, None], starts) - scaling["pool_mean"]) / scaling["pool_scale"]
    pooled *= (generator.random(pooled.shape, np.float32) >= DROP_POOL) / np.float32(1 - DROP_POOL)
    page_odds = summary @ weights["page"][:-1] + weights["page"][-1] + POOL_SHARE * (pooled @ weights["pool"])

    page_weights = np.array([page.weight for page in pages], np.float32)
    spun = np.array([page.spun for page in pages], np.float32)
    up_page = page_weights * (1 / (1 + np.exp(-np.clip(page_odds, -30, 30))) - spun) / len(pages)
    labels = np.concatenate([page.tokens[at] for page, at in zip(pages, sampled, strict=True)])
    known = (labels >= 0).astype(np.float32)
    up_token = TOKEN_LOSS * known * page_weights[of] * (probability - labels) / max(known.sum(), 1)

    down = up_page[:, None] * weights["page"][:-1]
    slope = probability * (1 - probability)
    up_token += MOMENT_SCALE * share * slope * (down[of, width] + 2 * probability * down[of, width + 1])
    up_token += down[of, width + 2] * raised / total[of]
    up_hidden = up_token[:, None] * weights["token"][:-1] + down[of, :width] * share[:, None]
    curve = 0.5 * (1 + bend) + 0.5 * inner * (1 - bend**2) * 0.7978845608 * (1 + 0.134145 * inner**2)
    up_inner = up_hidden * kept * curve
    return {
        "hidden": both.T @ up_inner,
        "hidden_bias": up_inner.sum(axis=0),
        "token": np.append(hidden.T @ up_token, up_token.sum()).astype(np.float32),
        "page": np.append(summary.T @ up_page, up_page.sum()).astype(np.float32),
        "pool": POOL_SHARE * (pooled.T @ up_page),
    }

"""What the hidden states say: was each token put there by a spinner, and was the page spun?

A small network over two neighbouring states (a replaced word shows in its own state and in the next one):
`hidden[t] = gelu(W z(state[t], state[t+1]) + b)`; a token's log-odds are linear in `hidden[t]`; the page's are
linear in the mean of `hidden`, in how large and how concentrated the token probabilities are, and in the mean
state. Fitted by `training.lm`; numbers only, in `probe.npz`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLIP = 8.0
"""States this many deviations off the mean count as that far."""
MOMENT_SCALE = 4.0


@dataclass(frozen=True)
class Probe:
    """Weights, all float32: `mean`, `scale` [W] of a state; `hidden` [2W, H], `hidden_bias` [H]; `token` [H + 1]
    (bias last); `page` [H + 4] (mean hidden, three moments, bias); `pool_mean`, `pool_scale`, `pool` [W]."""

    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    token: np.ndarray
    page: np.ndarray
    pool_mean: np.ndarray
    pool_scale: np.ndarray
    pool: np.ndarray

    def __call__(self, states: np.ndarray) -> tuple[float, np.ndarray]:
        """(page log-odds, float32[L] token log-odds) of states float32[L, W], L > 0."""
        z = np.clip((states - self.mean) / self.scale, -CLIP, CLIP)
        following = np.concatenate([z[1:], np.zeros_like(z[:1])])
        width = z.shape[1]
        hidden = gelu(z @ self.hidden[:width] + following @ self.hidden[width:] + self.hidden_bias)
        tokens = hidden @ self.token[:-1] + self.token[-1]
        pooled = (z.mean(axis=0) - self.pool_mean) / self.pool_scale
        summary = np.concatenate([hidden.mean(axis=0), moments(tokens)])
        page = summary @ self.page[:-1] + self.page[-1] + pooled @ self.pool
        return float(page), tokens


def moments(tokens: np.ndarray) -> np.ndarray:
    """float32[3] of token log-odds float32[L]: mean probability, mean squared probability, log mean odds."""
    probability = 1.0 / (1.0 + np.exp(-np.clip(tokens, -30, 30)))
    peak = float(tokens.max())
    odds = peak + np.log(np.exp(tokens - peak).mean())
    return np.array(
        [MOMENT_SCALE * probability.mean(), MOMENT_SCALE * (probability**2).mean(), odds], np.float32
    )


def gelu(x: np.ndarray) -> np.ndarray:
    """The tanh form of Hendrycks and Gimpel 2016."""
    result: np.ndarray = 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
    return result

#!/usr/bin/env python3
"""The golden of tests/train/test_influence.c: influences of documents on an answer, by JAX's automatic differentiation in
binary64, for tiny models whose values and tokens both sides make by one formula (as make_gradients.py).

    python3 tests/train/make_influence.py > tests/train/golden/influence.json

TracIn by its definition: at each checkpoint the dot product of two gradients, each parameter's part times its rate."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from hashed import hashed, name_seed

jax.config.update("jax_enable_x64", True)

VOCAB, LAYERS, HEADS, KV, HEAD, MLP, EPS, THETA = 37, 2, 4, 2, 6, 28, 1e-5, 10000.0
LENGTH, STEP_TARGETS = 24, 4 * 24          # the recipe's: tokens of a sequence, of a step
RATE, MUON, FACTORS = 0.003, 0.02, [1.0, 0.5]
PROMPT, ANSWER = 9, 5
DOCUMENTS = [12, 30, 2, 60]                # tokens; of the last the first 50 are used
MOST = 50
SCALES = [1.0, 1.25]                       # of the values of each checkpoint


def shapes(width, qwen3):
    yield "model.embed_tokens.weight", (VOCAB, width)
    for i in range(LAYERS):
        p = f"model.layers.{i}."
        yield p + "self_attn.q_proj.weight", (HEADS * HEAD, width)
        yield p + "self_attn.k_proj.weight", (KV * HEAD, width)
        yield p + "self_attn.v_proj.weight", (KV * HEAD, width)
        yield p + "self_attn.o_proj.weight", (width, HEADS * HEAD)
        if qwen3:
            yield p + "self_attn.q_norm.weight", (HEAD,)
            yield p + "self_attn.k_norm.weight", (HEAD,)
        yield p + "mlp.gate_proj.weight", (MLP, width)
        yield p + "mlp.up_proj.weight", (MLP, width)
        yield p + "mlp.down_proj.weight", (width, MLP)
        yield p + "input_layernorm.weight", (width,)
        yield p + "post_attention_layernorm.weight", (width,)
    yield "model.norm.weight", (width,)
    if not qwen3:
        yield "lm_head.weight", (VOCAB, width)


def values(width, qwen3, scale):
    made = {}
    for name, shape in shapes(width, qwen3):
        x = hashed(name_seed(name), int(np.prod(shape))).astype(np.float32) + np.float32(0.5 if len(shape) == 1 else -0.5)
        if len(shape) == 2 and not name.startswith("model.embed"):
            x = x * np.float32(0.5)
        made[name] = jnp.asarray((x * np.float32(scale)).astype(np.float64).reshape(shape))
    return made


def norm(x, weight):
    return weight * (x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS))


def turn(x):
    """Rotary embedding, halves; angles in binary32 as in the program."""
    t = np.arange(x.shape[0], dtype=np.float64)[:, None]
    f = THETA ** (-np.arange(0, HEAD, 2, dtype=np.float64) / HEAD)
    angle = t * f
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = x[..., : HEAD // 2], x[..., HEAD // 2:]
    return jnp.concatenate([a * c - b * s, b * c + a * s], -1)


def attention(w, p, x, qwen3):
    n = x.shape[0]
    q = (x @ w[p + "q_proj.weight"].T).reshape(n, HEADS, HEAD)
    k = (x @ w[p + "k_proj.weight"].T).reshape(n, KV, HEAD)
    v = (x @ w[p + "v_proj.weight"].T).reshape(n, KV, HEAD)
    if qwen3:
        q, k = norm(q, w[p + "q_norm.weight"]), norm(k, w[p + "k_norm.weight"])
    q, k = turn(q), turn(k)
    k, v = jnp.repeat(k, HEADS // KV, 1), jnp.repeat(v, HEADS // KV, 1)
    scores = jnp.einsum("thd,jhd->htj", q, k) / np.sqrt(HEAD)
    scores = jnp.where(np.tril(np.ones((n, n), bool)), scores, -jnp.inf)
    out = jnp.einsum("htj,jhd->thd", jax.nn.softmax(scores, -1), v)
    return out.reshape(n, HEADS * HEAD) @ w[p + "o_proj.weight"].T


def loss(w, tokens, skipped, targets, qwen3):
    """The sum of -log p of the tokens behind the first `skipped` inputs, over `targets`."""
    x = w["model.embed_tokens.weight"][tokens[:-1]]
    for i in range(LAYERS):
        p = f"model.layers.{i}."
        x = x + attention(w, p + "self_attn.", norm(x, w[p + "input_layernorm.weight"]), qwen3)
        h = norm(x, w[p + "post_attention_layernorm.weight"])
        gate, up = h @ w[p + "mlp.gate_proj.weight"].T, h @ w[p + "mlp.up_proj.weight"].T
        x = x + (jax.nn.silu(gate) * up) @ w[p + "mlp.down_proj.weight"].T
    head = w["model.embed_tokens.weight"] if qwen3 else w["lm_head.weight"]
    log_p = jax.nn.log_softmax(norm(x, w["model.norm.weight"]) @ head.T, -1)
    own = -jnp.take_along_axis(log_p, tokens[1:, None], -1)[:, 0]
    return own[skipped:].sum() / targets


def rate(name, shape, muon):
    matrix = len(shape) == 2 and ".layers." in name
    return MUON if muon and matrix else RATE


def tokens_of(what, count):
    return jnp.asarray((hashed(name_seed(what), count) * VOCAB).astype(np.int64))


def of_family(family, muon):
    qwen3 = family == "qwen3"
    gradient = jax.grad(loss)
    influences, losses = np.zeros(len(DOCUMENTS)), []
    asked = tokens_of("asked", PROMPT + ANSWER)
    for scale, factor in zip(SCALES, FACTORS):
        w = values(20, qwen3, scale)
        losses.append(float(loss(w, asked, PROMPT - 1, ANSWER, qwen3)))
        of_answer = gradient(w, asked, PROMPT - 1, ANSWER, qwen3)
        for d, count in enumerate(DOCUMENTS):
            ids = tokens_of(f"document {d}", count)[:MOST]
            for at in range(0, len(ids) - 1, LENGTH):
                part = gradient(w, ids[at:at + LENGTH + 1], 0, STEP_TARGETS, qwen3)
                influences[d] += sum(factor * rate(n, w[n].shape, muon) * float((of_answer[n] * part[n]).sum()) for n in w)
    return {"family": family, "muon": muon, "influences": list(influences), "losses": losses}


print(json.dumps([of_family("llama", False), of_family("qwen3", True)], indent=1))

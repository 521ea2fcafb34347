"""A model that writes what a test wants: a Llama whose embedding is one-hot, whose layer adds nothing and whose output
matrix says which token follows which. Real weights, tokenizer and template; at temperature 0 it follows the script."""

import json
import os
import struct

SPECIAL = ["<|im_start|>", "<|im_end|>", "<|ask|>", "<|plain|>", "<|open|>", "<|offered|>", "<|result|>"]
ADDED = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
TEMPLATE = """{%- if tools %}<|im_start|>tools {{ tools | tojson }}<|im_end|>{% endif -%}
{%- for m in messages %}<|im_start|>{{ m.role }}
{% if m.reasoning_content and loop.last %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}
{%- for c in m.tool_calls or [] %}<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</tool_call>{% endfor -%}
<|im_end|>{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if messages[-1].role == 'tool' %}<|result|>{% elif tools %}<|offered|>{% elif enable_thinking is defined and not enable_thinking %}<think>

</think>

<|plain|>{% elif messages[-1].content == 'open' %}<|open|><think>
{% else %}<|ask|>{% endif %}{% endif -%}"""

# What follows what, each token once.
CHAINS = [
    ["<|ask|>", "<think>", "\nHm,", " two and two: STOP?\n", "</think>", "\n\nFour", ", STOP", " and go.", "<|im_end|>"],
    ["<|plain|>", "Five.", "<|im_end|>"],
    ["\n", "Still ", "thinking", " it over", "</think>"],
    ["<|offered|>", "I look.\n", "<tool_call>", "\n{\"name\": \"get_weather\", ", "\"arguments\": {\"city\":", " \"Par", "is\"}}\n",
     "</tool_call>", "<|im_end|>"],
    ["<|result|>", "It is 21.", "<|im_end|>"],
]
# Its call is no JSON.
MALFORMED = [["<|offered|>", "I look.\n", "<tool_call>", "\n{\"name\": \"get_weather\", ", "\"arguments\": {\"city\":", " \"Paris\"", " oops }}\n",
              "</tool_call>", "<|im_end|>"]]


def alphabet():
    """GPT-2's characters of the 256 bytes."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [b for b in range(256) if b not in kept]
    return {**{b: chr(b) for b in kept}, **{b: chr(256 + i) for i, b in enumerate(moved)}}


def write_model(path, chains=CHAINS, template=TEMPLATE):
    letters = alphabet()
    spelled = lambda text: "".join(letters[b] for b in text.encode())  # noqa: E731
    names = [letters[b] for b in range(256)]
    for chain in chains:
        names += [spelled(t) for t in chain if t not in SPECIAL + ADDED and spelled(t) not in names]
    ids = {name: i for i, name in enumerate(names)}
    added = [{"id": len(names) + i, "content": text, "special": text in SPECIAL, "lstrip": False, "rstrip": False, "normalized": False,
              "single_word": False} for i, text in enumerate(SPECIAL + ADDED)]
    number = {**{t: ids[spelled(t)] for chain in chains for t in chain if t not in SPECIAL + ADDED}, **{a["content"]: a["id"] for a in added}}
    size = -(-(len(names) + len(added)) // 32) * 32

    follow = {}
    for chain in chains:
        for before, behind in zip(chain, chain[1:]):
            assert follow.setdefault(number[before], number[behind]) == number[behind], (before, behind)
    one = lambda rows: b"".join(struct.pack(f"<{size}f", *(float(rows.get(i) == j) for j in range(size))) for i in range(size))  # noqa: E731
    zeros = lambda count: bytes(4 * count)  # noqa: E731
    ones = struct.pack(f"<{size}f", *[1.0] * size)
    before = {}   # row of the output: a token; column: the token before it
    for a, b in follow.items():
        before.setdefault(b, set()).add(a)
    output = b"".join(struct.pack(f"<{size}f", *(float(j in before.get(i, ())) for j in range(size))) for i in range(size))
    layer = "model.layers.0."
    tensors = {"model.embed_tokens.weight": ([size, size], one({i: i for i in range(size)})), "lm_head.weight": ([size, size], output),
               "model.norm.weight": ([size], ones), layer + "input_layernorm.weight": ([size], ones),
               layer + "post_attention_layernorm.weight": ([size], ones),
               **{layer + f"self_attn.{n}_proj.weight": ([size, size], zeros(size * size)) for n in "qkvo"},
               layer + "mlp.gate_proj.weight": ([32, size], zeros(32 * size)), layer + "mlp.up_proj.weight": ([32, size], zeros(32 * size)),
               layer + "mlp.down_proj.weight": ([size, 32], zeros(32 * size))}
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    os.mkdir(path)
    with open(os.path.join(path, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + b"".join(data for _, data in tensors.values()))

    def write(name, value):
        with open(os.path.join(path, name), "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
    write("config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": size, "intermediate_size": 32,
                          "num_hidden_layers": 1, "num_attention_heads": size // 32, "num_key_value_heads": size // 32, "vocab_size": size,
                          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
                          "hidden_act": "silu", "torch_dtype": "float32", "eos_token_id": number["<|im_end|>"]})
    write("tokenizer.json", {"version": "1.0", "added_tokens": added, "normalizer": None,
                             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                             "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                             "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                                       "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": ids, "merges": []}})
    write("tokenizer_config.json", {"eos_token": "<|im_end|>", "tokenizer_class": "PreTrainedTokenizerFast"})
    write("chat_template.jinja", template)
    return path

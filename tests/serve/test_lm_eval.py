#!/usr/bin/env python3
"""lm-eval with the server as its model: log-likelihoods are those of /v1/score, choices and answers what they should be. Prints TAP."""

import importlib.metadata
import json
import os

from support import OWN, ROOT, Server, Skip, folder, main, test, write_model

PLACE = folder()
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HOME=os.path.join(PLACE.name, "hf"),
                  NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", OPENAI_API_KEY="none", TOKENIZERS_PARALLELISM="false")
try:
    import lm_eval
    from lm_eval.tasks import TaskManager
except ImportError:
    lm_eval = None

DOCUMENTS = [{"question": "What is 1 plus 2? 1 plus 2 is", "choices": [" 3.", " a dog."], "gold": 0},
             {"question": "The dog", "choices": [" is", " ???"], "gold": 0},
             {"question": "Once there was a", "choices": [" zzz zzz", " dog."], "gold": 1}]
CHOICE = """task: small_choice
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{gold}}"
target_delimiter: ""
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
WRITE = """task: small_answer
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
output_type: generate_until
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "Four, STOP and go."
generation_kwargs: {until: ["zzz"], max_gen_toks: 60, do_sample: false, temperature: 0}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def tasks():
    if lm_eval is None:
        raise Skip("python3 has no lm_eval")
    print(f"# lm_eval {importlib.metadata.version('lm_eval')}", flush=True)
    data = os.path.join(PLACE.name, "documents.jsonl")
    with open(data, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(d) + "\n" for d in DOCUMENTS)
    place = os.path.join(PLACE.name, "tasks")
    os.makedirs(place, exist_ok=True)
    for name, text in (("choice.yaml", CHOICE), ("write.yaml", WRITE)):
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write(text.replace("FILE", json.dumps(data)))
    return TaskManager(include_path=place, include_defaults=False)


@test
def log_likelihoods_are_those_of_score():
    manager = tasks()
    with Server(f"own={OWN}") as s:
        where = f"model=own,base_url={s.url}/v1/completions,tokenizer={os.path.join(os.path.dirname(ROOT), 'models', 'hearthside')}"
        made = lm_eval.simple_evaluate(model="local-completions", model_args=where + ",tokenized_requests=False,num_concurrent=2,max_retries=1",
                                       tasks=["small_choice"], task_manager=manager, bootstrap_iters=0)
        for sample in made["samples"]["small_choice"]:
            for (found, _), choice in zip(sample["filtered_resps"], sample["doc"]["choices"]):
                context = s.good("/tokenize", {"model": "own", "prompt": sample["doc"]["question"]})["count"]
                whole = s.good("/v1/score", {"model": "own", "prompt": sample["doc"]["question"] + choice})
                expected = sum(whole["logprobs"][context:])
                assert abs(float(found) - expected) < 1e-4, (choice, found, expected)
    print(f"# acc {made['results']['small_choice']['acc,none']}")
    assert len(made["samples"]["small_choice"]) == 3


@test
def answers_are_generated():
    manager = tasks()
    chat = write_model(os.path.join(PLACE.name, "scripted"))
    with Server(f"chat={chat}") as s:
        made = lm_eval.simple_evaluate(model="local-chat-completions", model_args=f"model=chat,base_url={s.url}/v1/chat/completions,num_concurrent=2",
                                       tasks=["small_answer"], task_manager=manager, apply_chat_template=True, bootstrap_iters=0)
    assert made["results"]["small_answer"]["exact_match,none"] == 1.0, made["results"]


main()

/* The tokens of the made-up vocabulary, and the streams with what must come of them. */
#ifndef TESTS_ANSWERS_STREAMS_H
#define TESTS_ANSWERS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

static const char *const specials[] = {
    "<think>", "</think>", "<tool_call>", "</tool_call>", "<|python_tag|>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]",
    "[THINK]", "[/THINK]", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>",
    "<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_ACTION|>",
    "<|END_ACTION|>", "<|tool_call|>", "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
    "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<arg_key>", "</arg_key>",
    "<arg_value>", "</arg_value>", "<|tool_call_start|>", "[unused]",
};
enum { SPECIALS = sizeof specials / sizeof specials[0] };

typedef struct stream_case {
    const char *name;
    const char *thinking, *calls; /* rows */
    const char *tools;            /* JSON; NULL: none are offered */
    const char *stream;           /* text between two \x1e is ordinary text, whatever it spells */
    const char *expected;
    bool thinks;      /* the prompt opened the thinking */
    bool only_tokens; /* the case is about tokens, or about text */
    bool only_text;
} stream_case;

#define TOOLS                                                                                                          \
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\","              \
    "\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\"},\"tags\":{\"type\":\"array\"},"    \
    "\"on\":{\"type\":[\"boolean\",\"null\"]}}}}}]"
#define PARIS "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}"
#define T_PARIS(number) "T{\"id\":\"call0000" number "\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\"}}"

static const stream_case stream_cases[] = {
    /* thinking */
    {.name = "plain", .stream = " Hello.\n", .expected = "C[ Hello.\n]"},
    {.name = "no thinking came", .thinking = "think", .stream = " Hello.\n\n", .expected = "C[ Hello.\n\n]"},
    {.name = "Qwen 3", .thinking = "think", .stream = "<think>\nTwo, two.\n</think>\n\nFour \xF0\x9F\x94\xA5.",
     .expected = "R[Two, two.]C[Four \xF0\x9F\x94\xA5.]"},
    {.name = "the prompt opened it", .thinking = "think", .thinks = true, .stream = "\nHm\n \n</think>\n\n    code",
     .expected = "R[Hm]C[    code]"},
    {.name = "an empty block", .thinking = "think", .stream = "<think>\n\n</think>\n\nYes", .expected = "C[Yes]"},
    {.name = "thinking alone", .thinking = "think", .stream = "<think>so", .expected = "R[so]"},
    {.name = "stop strings end the text alone", .thinking = "think", .stream = "<think>STOP it</think>Go STOP on",
     .expected = "R[STOP it]C[Go ]"},
    {.name = "a marker that is spelled is text", .thinking = "think", .only_tokens = true,
     .stream = "<think>a\x1e</think>\x1e" "b</think>c \x1e<think>\x1e d", .expected = "R[a</think>b]C[c <think> d]"},
    {.name = "as text it counts at the beginning alone", .thinking = "think", .only_text = true,
     .stream = "the <think> tag </think>", .expected = "C[the <think> tag </think>]"},
    {.name = "almost a marker", .thinking = "think", .only_text = true, .stream = "<think>a </thin b</think>c <thi",
     .expected = "R[a </thin b]C[c <thi]"},
    {.name = "bytes that are no character", .thinking = "think", .stream = "<think>\xE2\x82</think>\xFFx",
     .expected = "R[\xEF\xBF\xBD]C[\xEF\xBF\xBDx]"},
    {.name = "Command", .thinking = "command", .calls = "command", .tools = TOOLS,
     .stream = "<|START_THINKING|>I will.<|END_THINKING|><|START_RESPONSE|>It is.<|END_RESPONSE|>",
     .expected = "R[I will.]C[It is.]"},
    {.name = "Mistral", .thinking = "mistral", .stream = "[THINK]Hm.[/THINK]Yes.", .expected = "R[Hm.]C[Yes.]"},
    {.name = "Granite 3.3", .thinking = "granite", .stream = "<think>Hm.</think>\n<response>Yes.</response>",
     .expected = "R[Hm.]C[Yes.]"},
    {.name = "Granite 3.2", .thinking = "granite-3.2",
     .stream = "Here is my thought process: Hm.\n\nHere is my response:\nYes.", .expected = "R[ Hm.]C[Yes.]"},
    /* Hermes, Qwen */
    {.name = "Hermes", .calls = "hermes", .tools = TOOLS,
     .stream = "Let me look.\n<tool_call>\n" PARIS "\n</tool_call>", .expected = "C[Let me look.]" T_PARIS("7")},
    {.name = "two calls after thinking", .thinking = "think", .calls = "hermes", .tools = TOOLS,
     .stream = "<think>\nI need it.\n</think>\n\n<tool_call>\n" PARIS "\n</tool_call>\n<tool_call>\n" PARIS "\n</tool_call>",
     .expected = "R[I need it.]" T_PARIS("7") T_PARIS("8")},
    {.name = "arguments as text, and none", .calls = "hermes", .tools = TOOLS,
     .stream = "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1.5}\"}</tool_call><tool_call>{\"name\": \"g\"}</tool_call> ok",
     .expected = "T{\"id\":\"call00007\",\"name\":\"f\",\"arguments\":{\"a\":1.5}}T{\"id\":\"call00008\",\"name\":\"g\",\"arguments\":{}}C[ok]"},
    {.name = "the closing marker within a text", .calls = "hermes", .tools = TOOLS, .only_tokens = true,
     .stream = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"\x1e</tool_call>\x1e\"}}</tool_call>",
     .expected = "T{\"id\":\"call00007\",\"name\":\"f\",\"arguments\":{\"a\":\"</tool_call>\"}}"},
    {.name = "a spelled call is text", .calls = "hermes", .tools = TOOLS, .only_tokens = true,
     .stream = "So: \x1e<tool_call>" PARIS "</tool_call>\x1e.", .expected = "C[So: <tool_call>" PARIS "</tool_call>.]"},
    {.name = "malformed", .calls = "hermes", .tools = TOOLS, .stream = "a <tool_call>{\"name\": </tool_call> b",
     .expected = "C[a <tool_call>{\"name\": </tool_call>]!C[ b]"},
    {.name = "not closed", .calls = "hermes", .tools = TOOLS, .stream = "<tool_call>{\"name\": \"f\", \"argum",
     .expected = "C[<tool_call>{\"name\": \"f\", \"argum]!"},
    {.name = "not closed but whole", .calls = "hermes", .tools = TOOLS, .stream = "<tool_call>" PARIS,
     .expected = T_PARIS("7")},
    {.name = "a name that is none", .calls = "hermes", .tools = TOOLS,
     .stream = "<tool_call>{\"name\": 5, \"arguments\": {}}</tool_call>",
     .expected = "C[<tool_call>{\"name\": 5, \"arguments\": {}}</tool_call>]!"},
    {.name = "arguments that are a list", .calls = "hermes", .tools = TOOLS,
     .stream = "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
     .expected = "C[<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>]!"},
    {.name = "no tools were offered", .calls = "hermes", .only_text = true, .stream = "<tool_call>{}</tool_call>",
     .expected = "C[<tool_call>{}</tool_call>]"},
    /* Qwen3-Coder, Seed-OSS */
    {.name = "Qwen3-Coder", .calls = "qwen3-coder", .tools = TOOLS,
     .stream = "<tool_call>\n<function=get_weather>\n<parameter=city>\n7\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
               "<parameter=tags>\n[\"a\", 1]\n</parameter>\n<parameter=on>\nTrue\n</parameter>\n</function>\n</tool_call>",
     .expected = "T{\"id\":\"call00007\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"7\",\"days\":3,\"tags\":[\"a\",1],\"on\":true}}"},
    {.name = "Seed-OSS: values as Python writes them", .calls = "seed", .tools = TOOLS, .only_text = true,
     .stream = "<seed:tool_call>\n<function=get_weather>\n<parameter=tags>['a', {'b': None}]</parameter>\n<parameter=days>soon</parameter>\n</function>\n</seed:tool_call>",
     .expected = "T{\"id\":\"call00007\",\"name\":\"get_weather\",\"arguments\":{\"tags\":[\"a\",{\"b\":null}],\"days\":\"soon\"}}"},
    {.name = "Qwen3-Coder: lines and tags in a value", .calls = "qwen3-coder", .tools = TOOLS,
     .stream = "<tool_call>\n<function=write>\n<parameter=text>\n a\n</parameter> b\n\n</parameter>\n</function>\n</tool_call>",
     .expected = "T{\"id\":\"call00007\",\"name\":\"write\",\"arguments\":{\"text\":\" a\\n</parameter> b\\n\"}}"},
    {.name = "Qwen3-Coder: not closed", .calls = "qwen3-coder", .tools = TOOLS,
     .stream = "<tool_call>\n<function=write>\n<parameter=text>\n a",
     .expected = "C[<tool_call>\n<function=write>\n<parameter=text>\n a]!"},
    /* GLM 4.5 */
    {.name = "GLM", .thinking = "think", .calls = "glm", .tools = TOOLS,
     .stream = "\n<think>Hm</think>\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>5</arg_value>\n"
               "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n<arg_key>other</arg_key>\n<arg_value>{\"a\": 1}</arg_value>\n</tool_call>",
     .expected = "R[Hm]T{\"id\":\"call00007\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"5\",\"days\":2,\"other\":{\"a\":1}}}"},
    {.name = "GLM: a key without value", .calls = "glm", .tools = TOOLS, .only_text = true,
     .stream = "<tool_call>f\n<arg_key>city</arg_key></tool_call>",
     .expected = "C[<tool_call>f\n<arg_key>city</arg_key></tool_call>]!"},
    /* Llama 3 */
    {.name = "Llama", .calls = "llama", .tools = TOOLS,
     .stream = "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}", .expected = T_PARIS("7")},
    {.name = "Llama: two", .calls = "llama", .tools = TOOLS,
     .stream = "<|python_tag|>{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}; {\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}",
     .expected = T_PARIS("7") T_PARIS("8")},
    {.name = "Llama: JSON that was asked for", .calls = "llama", .tools = TOOLS, .stream = "\n{\"name\": \"Bob\", \"age\": 5} there",
     .expected = "C[\n{\"name\": \"Bob\", \"age\": 5} there]"},
    {.name = "Llama: a built-in tool", .calls = "llama", .tools = TOOLS,
     .stream = "<|python_tag|>brave_search.call(query=\"who is \\\"he\\\"?\")",
     .expected = "T{\"id\":\"call00007\",\"name\":\"brave_search\",\"arguments\":{\"query\":\"who is \\\"he\\\"?\"}}"},
    {.name = "Llama: program text", .calls = "llama", .tools = TOOLS, .stream = "<|python_tag|>x = 1\nprint(x)",
     .expected = "T{\"id\":\"call00007\",\"name\":\"code_interpreter\",\"arguments\":{\"code\":\"x = 1\\nprint(x)\"}}"},
    {.name = "Llama: braces later are text", .calls = "llama", .tools = TOOLS, .stream = "So {\"name\": 1}",
     .expected = "C[So {\"name\": 1}]"},
    /* Mistral */
    {.name = "Mistral list", .calls = "mistral", .tools = TOOLS,
     .stream = "[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}, \"id\": \"VvvODy9mT\"}, {\"name\": \"f\", \"arguments\": {}}]",
     .expected = "T{\"id\":\"VvvODy9mT\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\"}}T{\"id\":\"call00008\",\"name\":\"f\",\"arguments\":{}}"},
    {.name = "Mistral args", .calls = "mistral", .tools = TOOLS,
     .stream = "Hm.[TOOL_CALLS]get_weather[ARGS]{\"city\": \"Paris\"}[TOOL_CALLS]f[CALL_ID]abc123def[ARGS]{}", .only_tokens = true,
     .expected = "C[Hm.]" T_PARIS("7") "T{\"id\":\"abc123def\",\"name\":\"f\",\"arguments\":{}}"},
    {.name = "Mistral args, malformed", .calls = "mistral", .tools = TOOLS, .stream = "[TOOL_CALLS]f[ARGS]{\"a\"",
     .expected = "C[[TOOL_CALLS]f[ARGS]{\"a\"]!"},
    /* DeepSeek */
    {.name = "DeepSeek R1", .thinking = "think", .calls = "deepseek", .tools = TOOLS, .thinks = true,
     .stream = "\nI need it.\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
               "{\"city\": \"Paris\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
               "{\"city\": \"Paris\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     .expected = "R[I need it.]" T_PARIS("7") T_PARIS("8")},
    {.name = "DeepSeek V3.1", .thinking = "think", .calls = "deepseek", .tools = TOOLS,
     .stream = "Look:<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"Paris\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     .expected = "C[Look:]" T_PARIS("7")},
    {.name = "DeepSeek without separator", .calls = "deepseek", .tools = TOOLS,
     .stream = "<｜tool▁call▁begin｜>f {}<｜tool▁call▁end｜>", .expected = "C[<｜tool▁call▁begin｜>f {}<｜tool▁call▁end｜>]!"},
    /* Kimi K2 */
    {.name = "Kimi", .calls = "kimi", .tools = TOOLS,
     .stream = "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{\"city\": \"Paris\"}"
               "<|tool_call_end|><|tool_calls_section_end|>",
     .expected = "T{\"id\":\"functions.get_weather:0\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\"}}"},
    /* Command R7B */
    {.name = "Command R7B", .thinking = "command", .calls = "command", .tools = TOOLS,
     .stream = "<|START_THINKING|>Plan.<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"get_weather\", "
               "\"parameters\": {\"city\": \"Paris\"}}\n]<|END_ACTION|>",
     .expected = "R[Plan.]T{\"id\":\"0\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\"}}"},
    /* Granite, LFM2, OLMo 3, Apertus, Functionary */
    {.name = "Granite", .calls = "granite", .tools = TOOLS, .stream = "<|tool_call|>[" PARIS "]", .expected = T_PARIS("7")},
    {.name = "LFM2", .calls = "lfm2", .tools = TOOLS, .only_text = true,
     .stream = "<|tool_call_start|>[get_weather(city='Pa\\'s', days=-2, tags=[\"a\", {\"b\": None}], on=True), f()]<|tool_call_end|>Hi",
     .expected = "T{\"id\":\"call00007\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Pa's\",\"days\":-2,\"tags\":[\"a\",{\"b\":null}],\"on\":true}}"
                 "T{\"id\":\"call00008\",\"name\":\"f\",\"arguments\":{}}C[Hi]"},
    {.name = "OLMo 3", .calls = "olmo3", .tools = TOOLS, .only_text = true,
     .stream = "<function_calls>get_weather(city=\"Paris\")\nget_weather(city=\"Paris\")</function_calls>",
     .expected = T_PARIS("7") T_PARIS("8")},
    {.name = "OLMo 3, positional", .calls = "olmo3", .tools = TOOLS, .only_text = true,
     .stream = "<function_calls>f(\"Paris\")</function_calls>", .expected = "C[<function_calls>f(\"Paris\")</function_calls>]!"},
    {.name = "Apertus", .calls = "apertus", .tools = TOOLS, .only_text = true,
     .stream = "<|tools_prefix|>[{\"get_weather\": {\"city\": \"Paris\"}}]<|tools_suffix|>", .expected = T_PARIS("7")},
    {.name = "Functionary", .calls = "functionary", .tools = TOOLS, .only_text = true,
     .stream = "<function=get_weather>{\"city\": \"Paris\"}</function>", .expected = T_PARIS("7")},
    /* gpt-oss */
    {.name = "harmony", .thinking = "harmony", .calls = "harmony", .tools = TOOLS,
     .stream = "<|channel|>analysis<|message|>Two, two.<|end|><|start|>assistant<|channel|>final<|message|>Four.\n",
     .expected = "R[Two, two.]C[Four.\n]"},
    {.name = "harmony call", .thinking = "harmony", .calls = "harmony", .tools = TOOLS,
     .stream = "<|channel|>analysis<|message|>I need it.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
               "<|constrain|>json<|message|>{\"city\": \"Paris\"}",
     .expected = "R[I need it.]" T_PARIS("7")},
    {.name = "harmony call, recipient first, after a preamble", .thinking = "harmony", .calls = "harmony", .tools = TOOLS,
     .stream = "<|channel|>commentary<|message|>Let me look.<|end|><|start|>assistant to=functions.get_weather<|channel|>commentary "
               "json<|message|>{\"city\": \"Paris\"}",
     .expected = "C[Let me look.]" T_PARIS("7")},
    {.name = "harmony, two messages of a kind", .thinking = "harmony",
     .stream = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b<|end|>"
               "<|start|>assistant<|channel|>commentary<|message|>c<|end|><|start|>assistant<|channel|>final<|message|>d",
     .expected = "R[a\n\nb]C[c\n\nd]"},
    {.name = "harmony, malformed call", .thinking = "harmony", .calls = "harmony", .tools = TOOLS,
     .stream = "<|channel|>commentary to=functions.f<|message|>{\"city", .expected = "C[{\"city]!"},
    {.name = "harmony, a model that does not know it", .thinking = "harmony", .stream = "Four.", .expected = "C[Four.]"},
    {.name = "harmony, a spelled marker", .thinking = "harmony", .only_tokens = true,
     .stream = "<|channel|>final<|message|>a\x1e<|end|>\x1e" "b", .expected = "C[a<|end|>b]"},
};

#endif

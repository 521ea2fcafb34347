"""The conversations that every template is rendered over."""

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "Gives the weather of a city.\nIn degrees.",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "The city's name, e.g. \"Paris\""},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "unit", "default": "celsius"},
            "days": {"type": "integer", "description": "how many"}}},
        "returns": {"type": "object", "properties": {"degrees": {"type": "number", "description": "now"}}}}},
    {"type": "function", "function": {
        "name": "search", "description": "Searches <the> web & more",
        "parameters": {"type": "object", "required": ["query"], "properties": {
            "query": {"type": "string", "description": "what"},
            "options": {"type": "object", "description": "more", "properties": {
                "safe": {"type": "boolean", "description": "safe"},
                "limit": {"type": ["integer", "null"], "description": "most"}}},
            "tags": {"type": "array", "description": "tags", "items": {"type": "string"}}}}}},
]
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
HELLO = {"role": "user", "content": "Hello, how are you?"}
FINE = {"role": "assistant", "content": "I'm doing great. How can I help you today?"}
MORE = {"role": "user", "content": "  Show me <b>tags</b>, \"quotes\" & back\\slashes.\n\nBye.  "}
UNICODE = [{"role": "system", "content": "Антворте на немски. 🦉"},
           {"role": "user", "content": "日本語で挨拶して — ‘curly’ naïve \u200dß \U0001f468\u200d\U0001f469\u200d\U0001f467"},
           {"role": "assistant", "content": "こんにちは！\u00a0"}, {"role": "user", "content": "\u2028done\t?"}]


def call(name, arguments, identifier="call00001", **more):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def tool(content, identifier="call00001", name="get_weather"):
    return {"role": "tool", "tool_call_id": identifier, "name": name, "content": content}


ASK = {"role": "user", "content": "What's the weather in Paris?"}
CALLING = {"role": "assistant", "content": "", "tool_calls": [call("get_weather", {"city": "Paris", "days": 2})]}
CALLING_NONE = {"role": "assistant", "content": None, "tool_calls": [call("get_weather", {"city": "Zürich", "ok": True})]}
CALLING_BARE = {"role": "assistant", "tool_calls": [call("get_weather", {"city": "Paris"})]}
CALLING_TEXT = {"role": "assistant", "content": "Let me look.", "tool_calls": [call("get_weather", "{\"city\": \"Paris\"}")]}
CALLING_TWO = {"role": "assistant", "content": "", "tool_calls": [
    call("get_weather", {"city": "Paris", "unit": None}, "call00001"),
    call("search", {"query": "x'y", "options": {"safe": False, "limit": 1.5}, "tags": ["a", "b"]}, "call00002")]}
THINK = {"role": "assistant", "content": "<think>\nHm, two and two.\n</think>\n\nFour."}
REASON = {"role": "assistant", "reasoning_content": "\nTwo and two, let me see.\n", "thinking": "Two and two.",
          "content": "Four."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "Part one."}, {"type": "text", "text": " Part two."}]}

CONVERSATIONS = {
    "user": {"messages": [HELLO], "add_generation_prompt": True},
    "user, nothing asked for": {"messages": [HELLO]},
    "system, user": {"messages": [SYSTEM, HELLO], "add_generation_prompt": True},
    "turns": {"messages": [HELLO, FINE, MORE], "add_generation_prompt": True},
    "system and turns": {"messages": [SYSTEM, HELLO, FINE, MORE], "add_generation_prompt": True},
    "ends with the assistant": {"messages": [SYSTEM, HELLO, FINE], "add_generation_prompt": False},
    "unicode": {"messages": UNICODE, "add_generation_prompt": True},
    "tools offered": {"messages": [SYSTEM, ASK], "tools": TOOLS, "add_generation_prompt": True},
    "tools without a system message": {"messages": [ASK], "tools": TOOLS, "add_generation_prompt": True},
    "tool called": {"messages": [ASK, CALLING], "tools": TOOLS},
    "tool answered": {"messages": [SYSTEM, ASK, CALLING, tool("{\"degrees\": 21}"), {"role": "assistant", "content": "21."},
                                   HELLO], "tools": TOOLS, "add_generation_prompt": True},
    "call without content": {"messages": [ASK, CALLING_NONE, tool("21 °C")], "tools": TOOLS, "add_generation_prompt": True},
    "call without the field": {"messages": [ASK, CALLING_BARE, tool("21")], "tools": TOOLS, "add_generation_prompt": True},
    "call with text and string arguments": {"messages": [ASK, CALLING_TEXT, tool("ok")], "tools": TOOLS,
                                            "add_generation_prompt": True},
    "two calls": {"messages": [ASK, CALLING_TWO, tool("1"), tool("{\"a\": [1, 2.0]}", "call00002", "search"), FINE, MORE],
                  "tools": TOOLS, "add_generation_prompt": True},
    "tool content is an object": {"messages": [ASK, CALLING, tool({"degrees": 21, "note": "ça"})], "tools": TOOLS,
                                  "add_generation_prompt": True},
    "thinking in the text": {"messages": [HELLO, THINK, MORE], "add_generation_prompt": True},
    "reasoning in its field": {"messages": [HELLO, REASON, MORE, REASON], "add_generation_prompt": False},
    "reasoning before a call": {"messages": [ASK, {**CALLING, "reasoning_content": "I need it."}, tool("21")],
                                "tools": TOOLS, "add_generation_prompt": True},
    "thinking off": {"messages": [SYSTEM, HELLO], "add_generation_prompt": True, "enable_thinking": False,
                     "thinking": False, "thinking_budget": 0, "reasoning_effort": "low"},
    "thinking on": {"messages": [SYSTEM, HELLO], "add_generation_prompt": True, "enable_thinking": True,
                    "thinking": True, "thinking_budget": 512, "reasoning_effort": "high"},
    "documents": {"messages": [SYSTEM, HELLO], "add_generation_prompt": True, "documents": [
        {"title": "One", "text": "First text."}, {"title": "Two", "text": "Second \"text\"."}], "enable_citations": True},
    "content in parts": {"messages": [SYSTEM, PARTS], "add_generation_prompt": True},
    "missing content": {"messages": [{"role": "user"}, FINE], "add_generation_prompt": True},
    "missing role": {"messages": [{"content": "who am I?"}], "add_generation_prompt": True},
    "assistant first": {"messages": [FINE, HELLO], "add_generation_prompt": True},
    "two users": {"messages": [HELLO, HELLO], "add_generation_prompt": True},
    "an unknown role": {"messages": [HELLO, {"role": "narrator", "content": "Meanwhile…"}], "add_generation_prompt": True},
    "tool answer from nowhere": {"messages": [tool("21"), HELLO], "add_generation_prompt": True},
    "developer": {"messages": [{"role": "developer", "content": "Be brief."}, HELLO], "add_generation_prompt": True},
    "tools are none": {"messages": [SYSTEM, HELLO], "tools": None, "documents": None, "add_generation_prompt": True},
    "builtin tools": {"messages": [SYSTEM, ASK], "tools": TOOLS, "builtin_tools": ["browser", "python"],
                      "tools_in_user_message": False, "date_string": "26 Jul 2024", "add_generation_prompt": True},
    "no messages": {"messages": [], "add_generation_prompt": True},
    "system in the middle": {"messages": [HELLO, SYSTEM, {"role": "user", "content": ""}], "add_generation_prompt": True},
}
for conversation in CONVERSATIONS.values():
    conversation.setdefault("bos_token", "<s>")
    conversation.setdefault("eos_token", "</s>")

"""Texts of random allowed tokens are valid by construction: for each schema, what comes out of random walks is read by
Python's json and accepted by the package jsonschema. Skips without it."""
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP no jsonschema")
    sys.exit(0)

S, I, N = {"type": "string"}, {"type": "integer"}, {"type": "number"}
SCHEMAS = [
    True,
    {"type": "object"},
    {"type": "object", "properties": {"a": S, "b": I, "c": N}, "required": ["b"], "additionalProperties": False},
    {"type": "object", "properties": {"ab": {"minimum": -3.5, "exclusiveMaximum": 12.25, "type": "number"}}, "required": ["ab", "x"]},
    {"type": "object", "patternProperties": {"^a": I, "b$": {"type": ["integer", "string"]}}, "additionalProperties": False, "minProperties": 1},
    {"type": "object", "propertyNames": {"pattern": "^[a-c]{1,3}$"}, "maxProperties": 3, "minProperties": 1},
    {"type": "object", "properties": {k: S for k in "abcd"}, "minProperties": 2, "maxProperties": 3, "additionalProperties": False},
    {"type": "array", "items": {"type": "integer", "multipleOf": 7}, "minItems": 2, "maxItems": 4},
    {"type": "array", "prefixItems": [S, I], "items": {"enum": ["the", None, 1.5, {"a": [1]}]}, "minItems": 1},
    {"type": "string", "minLength": 3, "maxLength": 6},
    {"type": "string", "pattern": "^(ab|the)+[0-9]?$", "maxLength": 12},
    {"type": "string", "pattern": "b.\\d", "minLength": 4},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": -120, "maximum": 1999, "not": {"minimum": 0, "maximum": 99}},
    {"type": "number", "exclusiveMinimum": 0.001, "maximum": 10},
    {"type": "number", "multipleOf": 0.25, "minimum": -1, "maximum": 40},
    {"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": I, "b": S}, "required": ["a"]}], "type": "object"},
    {"anyOf": [{"const": "the"}, {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}]},
    {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
    {"oneOf": [{"type": "object", "properties": {"k": {"const": 1}, "a": I}, "required": ["k", "a"]},
               {"type": "object", "properties": {"k": {"const": 2}}, "required": ["k"]}]},
    {"$defs": {"t": {"type": "object", "properties": {"v": I, "l": {"$ref": "#/$defs/t"}}, "required": ["v"]}}, "$ref": "#/$defs/t"},
    {"if": {"properties": {"a": {"const": "ab"}}, "required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]},
     "type": "object", "properties": {"a": {"enum": ["ab", "abc"]}, "b": I, "c": I}, "additionalProperties": False},
    {"type": "object", "dependentRequired": {"a": ["b"]}, "properties": {"a": I, "b": I}, "additionalProperties": False},
    {"not": {"type": ["object", "array", "number"]}},
    {"type": "string", "not": {"enum": ["ab", "abc"]}, "maxLength": 3, "pattern": "^[a-c]*$"},
]
OBJECT = {"type": "object"}


def main():
    process = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wrong, texts, long = [], 0, 0
    lines = [({"schema": s}, s) for s in SCHEMAS] + [({"json_object": True}, OBJECT)]
    for number, (line, schema) in enumerate(lines):
        process.stdin.write(json.dumps(line | {"walks": 40, "seed": 1000 * number}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if answer["status"] != "ok":
            wrong.append(f"{json.dumps(schema)}: {answer['error']}")
            continue
        for text in answer["walks"]:
            long += text is None  # it had no end yet
            if text is not None:
                texts += 1
                data = bytes.fromhex(text)
                try:
                    jsonschema.validate(json.loads(data.decode()), schema, cls=jsonschema.Draft202012Validator)
                except (ValueError, jsonschema.ValidationError) as e:
                    wrong.append(f"{json.dumps(schema)}: {data!r}: {str(e).splitlines()[0]}")
    print(f"# {len(lines)} grammars, {texts} texts, {long} that had not ended")
    for line in wrong[:10]:
        print("#", line)
    print("1..2")
    print(("not ok" if wrong else "ok") + " 1 - what comes out is valid")
    print(("not ok" if long > texts // 4 else "ok") + " 2 - most walks end")
    return 1 if wrong or long > texts // 4 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Makes src/openness/licence_fingerprints.c: hashes of runs of five words of licences' texts, which are compared by
src/openness/licence_text.c. No text is kept, and none can be made from the hashes.

    pip download --no-deps scancode-toolkit
    scripts/licence_fingerprints.py scancode_toolkit-*.whl > src/openness/licence_fingerprints.c

The texts come from ScanCode's collection of licences (a wheel of PyPI); those of Debian's /usr/share/common-licenses
are held against the result by tests/openness."""

import re
import sys
import zipfile

WORDS, SAMPLE = 5, 48

# ScanCode's name: ours. One licence may have several texts.
TEXTS = {
    "bsd-zero": "0BSD", "afl-3.0": "AFL-3.0", "agpl-3.0": "AGPL-3.0-only", "apache-1.1": "Apache-1.1",
    "apache-2.0": "Apache-2.0", "artistic-perl-1.0": "Artistic-1.0-Perl", "artistic-2.0": "Artistic-2.0",
    "blueoak-1.0.0": "BlueOak-1.0.0", "bsd-simplified": "BSD-2-Clause", "bsd-new": "BSD-3-Clause",
    "clear-bsd": "BSD-3-Clause-Clear", "bsd-original": "BSD-4-Clause", "boost-1.0": "BSL-1.0", "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-3.0": "CC-BY-SA-3.0", "cc-by-sa-4.0": "CC-BY-SA-4.0", "cc0-1.0": "CC0-1.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0", "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0", "cecill-2.1": "CECILL-2.1", "ecl-2.0": "ECL-2.0", "epl-1.0": "EPL-1.0",
    "epl-2.0": "EPL-2.0", "etalab-2.0-en": "etalab-2.0", "eupl-1.1": "EUPL-1.1", "eupl-1.2": "EUPL-1.2",
    "gfdl-1.3": "GFDL-1.3-only", "gpl-1.0": "GPL-1.0-only", "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only",
    "isc": "ISC", "lgpl-2.0": "LGPL-2.0-only", "lgpl-2.1": "LGPL-2.1-only", "lgpl-3.0": "LGPL-3.0-only",
    "mit": "MIT", "mit-0": "MIT-0", "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "ms-pl": "MS-PL",
    "mulanpsl-2.0": "MulanPSL-2.0", "uoi-ncsa": "NCSA", "odbl-1.0": "ODbL-1.0", "odc-by-1.0": "ODC-By-1.0",
    "ofl-1.1": "OFL-1.1", "openmdw-1.0": "OpenMDW-1.0", "osl-3.0": "OSL-3.0", "pddl-1.0": "PDDL-1.0",
    "postgresql": "PostgreSQL", "psf-2.0": "PSF-2.0", "unlicense": "Unlicense", "upl-1.0": "UPL-1.0", "wtfpl-2.0": "WTFPL",
    "zlib": "Zlib", "ogl-uk-3.0": "OGL-UK-3.0",
    "bigcode-open-rail-m-v1": "bigcode-openrail-m", "bigscience-open-rail-m": "bigscience-openrail-m",
    "bigscience-open-rail-m2": "creativeml-openrail-m", "bigscience-rail-1.0": "bigscience-bloom-rail-1.0",
    "bsl-1.1": "BUSL-1.1", "c-uda-1.0": "C-UDA-1.0", "cc-by-nc-3.0": "CC-BY-NC-3.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0", "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0", "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "cc-by-nd-4.0": "CC-BY-ND-4.0", "chameleon-research-2024": "chameleon-research", "deepseek-la-1.0": "deepseek-license",
    "elastic-license-v2": "Elastic-2.0", "falcon-2-11b-1.0": "falcon-llm-license", "gemma-tou-2024-04-01": "gemma",
    "gemma-tou-2025-03-24": "gemma", "llama-license-2023": "llama1-research", "llama-2-license-2023": "llama2",
    "llama-3.1-license-2024": "llama3.1", "llama-3.2-license-2024": "llama3.2", "llama-3.3-license-2024": "llama3.3",
    "llama-4-cla-2025": "llama4", "llama-4-license-2025": "llama4", "moonshot-ai-modified-mit-2025": "kimi-modified-mit",
    "nvidia-open-model-2025-04-28": "nvidia-open-model-license", "qwen-2024": "qwen", "tongyi-qianwen-2023": "qwen",
    "mongodb-sspl-1.0": "SSPL-1.0", "stability-ai-community-2024": "stability-ai-community",
    "stability-ai-nc-2023-12-06": "stability-ai-non-commercial",
}
# An appendix that a copy may lack gives no sample.
ENDS = {"Apache-2.0": r"(?s)\s*APPENDIX: How to apply.*", "GPL": r"(?s)\n\s*(Appendix: )?How to Apply These Terms to Your New.*"}


def fnv(data):
    h = 2166136261
    for b in data:
        h = ((h ^ b) * 16777619) & 0xFFFFFFFF
    return h


def runs(text):
    words = [fnv(w) for w in re.findall(rb"[a-z0-9\x80-\xff]+", re.sub(rb"[A-Z]", lambda m: m[0].lower(), text.encode()))]
    return {fnv(b"".join(w.to_bytes(4, "little") for w in words[i:i + WORDS])) for i in range(len(words) - WORDS + 1)}


def main():
    wheel = zipfile.ZipFile(sys.argv[1])
    found = {}
    for path in wheel.namelist():
        name = path.rsplit("/", 1)[-1]
        if "/licenses/" in path and name.endswith(".LICENSE") and name[:-8] in TEXTS:
            found[name[:-8]] = re.split(r"(?m)^---\s*\n", wheel.read(path).decode("utf-8-sig").replace("\r\n", "\n"), maxsplit=2)[-1]
    print("/* Made by scripts/licence_fingerprints.py: not to be edited. */\n#include \"openness/licences.h\"\n")
    print("/* clang-format off */\nconst licence_fingerprint licence_fingerprints[] = {")
    for name, ours in sorted(TEXTS.items(), key=lambda item: (item[1].lower(), item[0])):
        if name not in found:
            print(f"no text of {name}", file=sys.stderr)
            continue
        text = found[name]
        count = len(re.findall(rb"[A-Za-z0-9\x80-\xff]+", text.encode()))
        for family, pattern in ENDS.items():
            text = re.sub(pattern, "", text) if family in ours else text
        sample = sorted(runs(text))[:SAMPLE]
        print(f'    {{"{ours}", {count}, {len(sample)}, {{' + ", ".join(f"0x{h:08x}" for h in sample) + "}},")
    print("};\n/* clang-format on */\nconst size_t licence_fingerprint_count = sizeof licence_fingerprints / sizeof *licence_fingerprints;")


main()

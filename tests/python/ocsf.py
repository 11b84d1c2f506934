"""Judges OCSF events against the schema of their own version, as the OCSF project publishes it.

Reads one event a line from standard input, writes one JSON object: how many events of each class there were, and
what is wrong with them (at most 50 of all complaints).
"""

import json
import sys
from collections import Counter

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

# The schema's own enumerations and constraints, closed objects included.
judges = {}


def judge(event):
    version, uid = event["metadata"]["version"], event["class_uid"]
    profiles = tuple(sorted(event["metadata"].get("profiles", [])))
    key = (version, uid, profiles)
    if key not in judges:
        schema = get_ocsf_schema(version)
        names = {found["uid"]: name for name, found in schema["classes"].items() if found.get("uid")}
        embedded = OcsfJsonSchemaEmbedded(OcsfJsonSchema(schema))
        made = embedded.get_class_schema(names[uid], list(profiles))
        judges[key] = jsonschema_rs.validator_for(made)
    return judges[key]


classes, wrong = Counter(), []
for number, line in enumerate(sys.stdin):
    event = json.loads(line)
    classes[str(event["class_uid"])] += 1
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        wrong.append({"event": number, "place": "type_uid", "what": str(event["type_uid"])})
    for error in judge(event).iter_errors(event):
        place = ".".join(str(step) for step in error.instance_path)
        wrong.append({"event": number, "place": place, "what": error.message[:300]})
json.dump({"classes": classes, "wrong": wrong[:50], "complaints": len(wrong)}, sys.stdout)

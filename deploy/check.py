"""Holds the objects of a YAML stream on standard input to their schemas: those
of Kubernetes as PyPI's kubernetes-validate brings them, those that operators add
as the definitions say that are given as arguments."""
import sys

import jsonschema
import kubernetes_validate
import yaml


def close(schema):
    """Refuses fields that a schema does not name, as the API server would drop them."""
    if isinstance(schema, dict):
        if "properties" in schema and "x-kubernetes-preserve-unknown-fields" not in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def definitions(paths):
    found = {}
    for path in paths:
        with open(path) as f:
            spec = yaml.safe_load(f)["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            close(schema)
            schema["properties"]["metadata"] = {"type": "object"}
            found[spec["group"] + "/" + version["name"], spec["names"]["kind"]] = schema
    return found


schemas = definitions(sys.argv[1:])
count = 0
for item in yaml.safe_load_all(sys.stdin):
    name = f"{item['kind']} {item['metadata']['name']}"
    schema = schemas.get((item["apiVersion"], item["kind"]))
    try:
        if schema:
            jsonschema.validate(item, schema)
        else:
            kubernetes_validate.validate(item, "1.37", strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as e:
        sys.exit(f"{name}: {'.'.join(map(str, e.path))}: {e.message}")
    count += 1
print(count, "objects are as their schemas want them")

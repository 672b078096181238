"""Validates rendered manifests against the schemas of Kubernetes or of k8s/schemas.yml.

usage: check-manifests.py FILE…
"""

import copy
import sys

import jsonschema
import kubernetes_validate
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

# The oldest and the newest version of Kubernetes that manifests are validated for.
VERSIONS = ("1.27", "1.37")
# The API group of kinds that are never applied to a cluster.
BUILT = "kustomize.config.k8s.io/"
# Below these keys any name is allowed.
FREE = {"annotations", "environment", "labels", "matchLabels", "limits", "requests"}


def own_schemas():
    """Returns a validator for each kind in k8s/schemas.yml."""
    newest = VERSIONS[-1]
    definitions = f"kubernetes-json-schema/v{newest}.0-local-strict/_definitions.json"
    definitions = schema_contents(definitions, newest)
    registry = Resource.from_contents(definitions) @ Registry()
    with open("k8s/schemas.yml") as file:
        schemas = yaml.safe_load(file)
    return {
        kind: jsonschema.Draft202012Validator(schema, registry=registry)
        for kind, schema in schemas.items()
    }


def kind_of(document):
    return f"{document['apiVersion']}/{document['kind']}"


def validate(document, schemas):
    if own := schemas.get(kind_of(document)):
        own.validate(document)
    else:
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)


def misspelt(document):
    """Yields copies of a document, each with a different key misspelt, and the path of that key."""

    def walk(node, place):
        if isinstance(node, list):
            # All items have the same schema, so one item per set of keys is enough.
            makes = (tuple(item) if isinstance(item, dict) else None for item in node)
            for index in {make: index for index, make in enumerate(makes)}.values():
                yield from walk(node[index], [*place, index])
        elif isinstance(node, dict) and not (place and place[-1] in FREE):
            for key, value in node.items():
                yield [*place, key]
                yield from walk(value, [*place, key])

    for *parents, key in walk(document, []):
        changed = copy.deepcopy(document)
        node = changed
        for parent in parents:
            node = node[parent]
        node[f"{key}x"] = node.pop(key)
        yield changed, ".".join(map(str, [*parents, key]))


def accepted_misspelt(document, schemas):
    """Returns the paths at which the schema accepts a misspelt key, because it allows unknown keys."""
    own = schemas[kind_of(document)]
    return [place for changed, place in misspelt(document) if own.is_valid(changed)]


def main(paths):
    schemas = own_schemas()
    seen, tried, failures = set(), set(), []
    for path in paths:
        with open(path) as file:
            documents = [document for document in yaml.safe_load_all(file) if document]
        for document in documents:
            # Overlays share most objects. Each is checked once.
            text = yaml.dump(document)
            if document["apiVersion"].startswith(BUILT) or text in seen:
                continue
            seen.add(text)
            name = f"{path}: {document['kind']} {document.get('metadata', {}).get('name')}"
            try:
                validate(document, schemas)
            except Exception as error:  # any error of the library is a failure of this object
                failures.append(f"{name}: {error}")
                continue
            if kind_of(document) in schemas and kind_of(document) not in tried:
                tried.add(kind_of(document))
                places = accepted_misspelt(document, schemas)
                failures += [f"{name}: a misspelt {place} is not noticed" for place in places]
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(seen)} objects checked, {len(failures)} wrong")
    if tried:
        print(f"each key was misspelt once in: {', '.join(sorted(tried))}")
    return bool(failures) or not seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

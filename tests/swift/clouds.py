"""Says what openstacksdk makes of clouds.yaml.

Input: a JSON list of {"root", "variables", "name"}; in the folder `root`, the folder `cwd` is the one to work in and
`home` is the user's. Output: a JSON list of texts, which say all that decides a login, or {"error"}.
"""

import importlib
import json
import os
import sys
import warnings

import openstack.config.loader as loader

warnings.simplefilter("ignore")


def main():
    print(json.dumps([apart(case) for case in json.load(sys.stdin)]))


def apart(case):
    """In a process of its own, for openstacksdk looks at the process when it is loaded."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = cloud(case)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    return answer


def cloud(case):
    os.environ.clear()
    os.environ.update({"HOME": os.path.join(case["root"], "home"), **case["variables"]})
    os.chdir(os.path.join(case["root"], "cwd"))
    importlib.reload(loader)
    found = loader.OpenStackConfig().get_one(case["name"])
    verify, shown = found.get_requests_verify_args()
    cert, key = shown if isinstance(shown, tuple) else (shown, None)
    facts = {
        "auth_type": found.config["auth_type"],
        "region": found.get_region_name("object-store") or "",
        "interface": found.get_interface("object-store").removesuffix("URL"),
        "verify": "true" if verify else "false",
        "cacert": verify if isinstance(verify, str) else "",
        "cert": cert or "",
        "key": key or "",
        "endpoint": found.get_endpoint("object-store") or "",
        **{f"auth.{key}": value for key, value in found.config["auth"].items()},
    }
    return "\n".join(f"{key}={value}" for key, value in sorted(facts.items()) if value)


main()

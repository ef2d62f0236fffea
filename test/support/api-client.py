"""A station service's way to the API: the standard library and nothing else."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = sys.argv[1]
TIMEOUT_SECONDS = 10


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def check(actual, expected):
    if actual != expected:
        sys.exit(f"expected {expected!r}, got {actual!r}")


node = {"node_name": "Hügel", "regions": ["nz/akl"], "uptime": None, "zenoh_proxy": True}
ingester = urllib.parse.quote("meshtastic:!a1b2", safe="").replace("%21", "")

check(call("PUT", f"/nodes/{ingester}", node), (200, {"ok": True, "ingester_id": "meshtastic:a1b2"}))
status, listed = call("GET", "/nodes?" + urllib.parse.urlencode({"country": "NZ"}))
check((status, len(listed["nodes"])), (200, 1))
status, read = call("GET", f"/nodes/{ingester}")
check((status, read["node_name"], read["_id"]), (200, "Hügel", "meshtastic:a1b2"))
check(call("PUT", f"/nodes/{ingester}", read)[0], 200)
check(call("DELETE", f"/nodes/{ingester}"), (200, {"ok": True, "deleted": "meshtastic:a1b2"}))
check(call("GET", f"/nodes/{ingester}"), (404, {"error": "not found", "code": "NOT_FOUND"}))

key = {"public_key": "A" * 43 + "=", "key_version": 1, "status": "active"}
check(call("PUT", "/trust/i1", key), (200, {"ok": True, "ingester_id": "i1"}))
check(call("GET", "/trust")[1]["keys"]["i1"]["1"]["public_key"], key["public_key"])
check(call("DELETE", "/trust/i1"), (200, {"ok": True, "revoked": "i1"}))

status, refused = call("PUT", "/nodes/big", {"node_name": "x" * 1_000_000})
check((status, refused["code"]), (413, "BODY_TOO_LARGE"))
print("done")

"""One request with hvac, as a program that Vaultquake runs: `read` or `write` the secret that VQ_MOUNT and VQ_PATH name.

Address, token and certificate come from the environment that hvac itself reads (VAULT_ADDR, VAULT_TOKEN, VAULT_CACERT).
Nothing is caught: what the library raises is what its users get, and Python's exit code 1 tells of it.
"""

import json
import os
import sys

import hvac


def main() -> None:
    kv = hvac.Client().secrets.kv.v2
    mount, path = os.environ["VQ_MOUNT"], os.environ["VQ_PATH"]
    if sys.argv[1] == "write":
        kv.create_or_update_secret(path=path, mount_point=mount, secret=json.load(sys.stdin))
    else:
        answer = kv.read_secret_version(path=path, mount_point=mount, raise_on_deleted_version=True)
        answer["data"]["data"]["api_secret"]


main()

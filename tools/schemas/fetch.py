#!/usr/bin/env python3
"""Fetches the definitions and schemas that the tests validate resources with: fetch.py TARGET

    TARGET/crds/*.yaml        definitions of custom resources, from the Go modules in modules.txt
    TARGET/kubernetes/*.json  schemas of Kubernetes' own kinds, from the package in requirements.txt

Needs `go` and pip. It fails when a module or package does not have the pinned hash.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent

# modules.txt pins the hashes, so `go` asks no checksum database. It must not download another toolchain.
GO = {"GOTOOLCHAIN": "local", "GOSUMDB": "off", "GOFLAGS": ""}


def modules():
    """The module, version, hash and files of each entry in modules.txt."""
    found = []
    for line in (HERE / "modules.txt").read_text().splitlines():
        if line.startswith(" "):
            found[-1][3].append(line.strip())
        elif line and not line.startswith("#"):
            found.append((*line.split(), []))
    return found


def custom_resources(module, version, expected, files, target):
    """Copies `files` of a Go module to `target`."""
    command = ["go", "mod", "download", "-json", f"{module}@{version}"]
    # A go.mod in the working directory would change what `go` downloads.
    with tempfile.TemporaryDirectory() as nowhere:
        run = subprocess.run(command, cwd=nowhere, env=os.environ | GO, stdout=subprocess.PIPE)
    answer = json.loads(run.stdout or "{}")
    if run.returncode or "Error" in answer:
        sys.exit(f"{module}@{version}: {answer.get('Error', 'go mod download failed')}")
    if answer["Sum"] != expected:
        sys.exit(f"{module}@{version}: the hash is {answer['Sum']}; modules.txt expects {expected}")
    for name in files:
        content = (pathlib.Path(answer["Dir"]) / name).read_bytes()
        (target / pathlib.Path(name).name).write_bytes(content)


def own_kinds(target):
    """Copies the strict schemas of the Kubernetes version that is the package's version to `target`."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
        pinned = ["--no-deps", "--require-hashes", "--retries", "5", "-r", HERE / "requirements.txt"]
        if subprocess.run([*pip, *pinned, "--dest", folder]).returncode:
            sys.exit("kubernetes-validate: pip download failed")
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        version = wheel.name.split("-")[1]
        wanted = f"kubernetes_validate/kubernetes-json-schema/v{version}-local-strict/"
        with zipfile.ZipFile(wheel) as package:
            names = [name for name in package.namelist() if name.startswith(wanted) and name.endswith(".json")]
            for name in names:
                (target / pathlib.Path(name).name).write_bytes(package.read(name))
    if not names:
        sys.exit(f"{wheel.name} has no {wanted}")


def main():
    target = pathlib.Path(sys.argv[1])
    for folder in ("crds", "kubernetes"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    for module in modules():
        custom_resources(*module, target / "crds")
    own_kinds(target / "kubernetes")


if __name__ == "__main__":
    main()

"""The browser that the tests drive: Chromium, brought by Debian's packages where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from deploy.processes import ROOT, LaunchError

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-wqy-microhei")  # the font, so that screenshots show Chinese


def find() -> str | None:
    """Where a Chromium is, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> str:
    """A Chromium, installed now if it is missing and this user may. Raises LaunchError."""
    found = find()
    if found is None:
        _install()
        found = find()
    if found is None:
        raise LaunchError("There is no Chromium for the browser tests; install it (Debian: apt-get install chromium).")
    return found


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    log = ROOT / "var/logs/chromium.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print("Installing Chromium for the browser tests ...", flush=True)
    with log.open("wb") as output:
        for command in (("update", "-qq"), ("install", "-qq", "-y", "--no-install-recommends", *PACKAGES)):
            subprocess.run(["apt-get", *command], env=quietly, stdout=output, stderr=output, check=False)


if __name__ == "__main__":
    try:
        print(ensure())
    except LaunchError as error:
        sys.exit(str(error))

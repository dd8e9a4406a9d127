"""A root of Debian for aarch64, on a computer with another processor: QEMU emulates its programs.

Nothing of this system is changed: what is mounted in the root is seen by its own processes only.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = "bookworm"
QEMU = "/usr/bin/qemu-aarch64-static"
PYTHON = f"""#!{QEMU} /bin/sh
exec {QEMU} -0 "$0" /usr/bin/python3 "$@"
"""
"""A script that this system's kernel can start, for the sake of `sys.executable`."""
ENTER = f"""
for folder in dev proc sys; do mount --bind /$folder "$0/$folder" || exit; done
exec chroot "$0" {QEMU} /usr/bin/env --chdir=/opt/fastnn /opt/python/bin/python "$@"
"""
ENVIRONMENT = {
    "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
    "PYTHONPATH": "tests", "NUMBA_NUM_THREADS": "2",
    # ARM's first 64-bit instructions alone: others are illegal.
    "QEMU_CPU": "cortex-a72",
}  # fmt: skip


def missing(folder):
    """What this computer lacks, or ""; whether mirrors answer is asked with a few downloads."""
    if sys.platform != "linux":
        return "Debian's roots are made on Linux"
    programs = ("debootstrap", "dpkg-deb", "qemu-aarch64-static", "unshare", "chroot")
    if lacking := [name for name in programs if shutil.which(name) is None]:
        return f"not installed: {', '.join(lacking)} (Debian: debootstrap, qemu-user-static)"
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"]).returncode:
        return "only root makes a root, with a right to mount"
    asks = {
        "Debian's mirror": _debootstrap("--print-debs", folder / "packages"),
        "the package index": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest",
                              str(folder), "iniconfig"],
    }  # fmt: skip
    for name, command in asks.items():
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            return f"{name} does not answer"
    return ""


def _debootstrap(what, folder):
    return ["debootstrap", what, "--arch=arm64", "--variant=minbase", "--include=python3", SUITE,
            folder]  # fmt: skip


class Emulated:
    """A root in a folder, with a wheel of these sources and their tests."""

    def __init__(self, folder, wheel, packages):
        self.folder = folder
        subprocess.run(_debootstrap("--foreign", folder), check=True, stdout=subprocess.DEVNULL)
        # Unpacked is enough: nothing there is a service.
        for package in folder.glob("var/cache/apt/archives/*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
        shutil.copy(shutil.which("qemu-aarch64-static"), folder / QEMU[1:])
        (python,) = (p.name for p in folder.glob("usr/bin/python3.*") if p.suffix[1:].isdigit())
        home = folder / "opt/python"
        (home / "bin").mkdir(parents=True)
        (home / "bin/python").write_text(PYTHON, encoding="utf-8")
        (home / "bin/python").chmod(0o755)
        (home / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
        self.packages = home / "lib" / python / "site-packages"
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 37)]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--target",
             self.packages, *platforms, "--only-binary=:all:",
             "--python-version", python.removeprefix("python"), wheel, *packages], check=True,
        )  # fmt: skip
        shutil.copytree(ROOT / "tests", self.place("tests"))
        shutil.copy(ROOT / "pyproject.toml", self.place(""))

    def place(self, name):
        """A file of the folder in which programs run."""
        return self.folder / "opt/fastnn" / name

    def python(self, *arguments, **environment):
        """Run the emulated Python in that folder: what it prints, where all is well."""
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", ENTER, self.folder, *arguments],
            env=ENVIRONMENT | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-10_000:]
        return done.stdout

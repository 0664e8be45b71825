"""Install everything into the project's own `.venv`: `python3 services/launcher/bootstrap.py [--dev]`.

Run by the system's Python on a fresh machine, so: the standard library only, and a syntax that Python 3.6 can still
read, to be told that it is too old. Every package comes from `locks/` with its hash. The last thing written is a
stamp; while it fits the lock files, the Python and this folder, a call does nothing. The mark written before
the packages and removed after them tells an interrupted installation, which is then made anew.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"Code Grey needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}"
        f" ({sys.executable}).\n"
        "Name another one: make PYTHON=python3.12 …"
    )

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_GLIBC = (2, 28)
WHEELS = "among them a Java runtime (35 MB), PostgreSQL (14 MB), a language model (91 MB)"
SIZES = {"run.txt": "some 75 packages, 260 MB", "dev.txt": "some 105 packages, 300 MB"}
SYSTEMS = "Linux (x86-64 or arm64, with glibc), macOS on Apple silicon, and WSL"


class InstallError(Exception):
    """Say what is in the way, before anything was fetched."""


def refusal(system: str, machine: str, libc: tuple[str, str], bits: int) -> str | None:
    """Return why this machine cannot run Code Grey, or None where it can."""
    if system == "Windows":
        return f"Windows itself is not supported; inside WSL it runs. Supported: {SYSTEMS}."
    if system == "Darwin" and machine == "x86_64":
        return f"this Python is built for Intel Macs; use one built for Apple silicon. Supported: {SYSTEMS}."
    if (system, machine) not in (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")):
        return f"{system} on {machine} is not supported. Supported: {SYSTEMS}."
    if bits != 64:
        return "this Python is a 32-bit one; a 64-bit one is needed."
    if system == "Linux":
        name, version = libc
        if name != "glibc":
            return f"this Linux has no glibc (Alpine?), and the servers are built for it. Supported: {SYSTEMS}."
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_GLIBC:
            return f"glibc {version} is too old: 2.28 or newer is needed (Debian 10, Ubuntu 18.10, RHEL 8)."
    return None


def missing_module() -> str | None:
    """Return what to install where Python was shipped without its own `venv`."""
    for name in ("venv", "ensurepip"):
        if importlib.util.find_spec(name) is None:
            package = "python{}.{}-venv".format(*sys.version_info)
            return f"this Python has no `{name}`. On Debian and Ubuntu: sudo apt-get install {package}"
    return None


def stamp(root: Path, *, dev: bool) -> dict[str, str]:
    """Return what the finished installation depends on."""
    locks = ["locks/dev.txt" if dev else "locks/run.txt", "locks/kafka.toml"]
    sums = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in locks}
    return {"python": sys.version, "root": str(root), **sums}


def installed(root: Path, *, dev: bool) -> bool:
    """Tell whether the stamp fits; an installation for development serves for running too."""
    try:
        found = json.loads((root / ".venv" / "stamp.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if not (root / ".venv" / "bin" / "python").exists():
        return False
    return found in ([stamp(root, dev=True)] if dev else [stamp(root, dev=False), stamp(root, dev=True)])


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


def make_environment(root: Path) -> Path:
    """Return the environment's Python, the environment made anew where it is broken or half made."""
    python = root / ".venv" / "bin" / "python"
    half = (root / ".venv" / "installing").exists()
    probe = [str(python), "-I", "-c", "import pip, sys; print(sys.version)"]
    if python.exists() and not half:
        found = subprocess.run(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if found.returncode == 0 and found.stdout.strip() == sys.version.strip():
            return python
    say("making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
    subprocess.run([sys.executable, "-I", "-m", "venv", "--clear", str(root / ".venv")], check=True)
    return python


DOWNLOADING = re.compile(r"^\s*Downloading ([^-\s]+)-(\S+?)-\S*(?<!\.metadata) \(([\d.]+) ([kM]B)\)")


def install_packages(python: Path, lock: Path) -> None:
    """Install the locked packages, each checked against its hash, and show what is fetched."""
    mark = python.parents[1] / "installing"
    mark.touch()
    say(f"installing from {lock.name}: {SIZES[lock.name]}, {WHEELS}")
    command = [
        str(python),
        "-I",
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--disable-pip-version-check",
    ]
    process = subprocess.Popen(
        [*command, "--progress-bar", "off", "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    said: list[str] = []
    megabytes, count = 0.0, 0
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.rstrip())
        fetched = DOWNLOADING.match(line)
        if fetched:
            count += 1
            size = float(fetched.group(3)) * (1 if fetched.group(4) == "MB" else 0.001)
            megabytes += size
            if size >= 3 or count % 20 == 0:
                say(f"  {count:3d} packages, {megabytes:5.0f} MB so far; now {fetched.group(1)} {fetched.group(2)}")
        elif line.startswith("Installing collected"):
            say("  unpacking")
    if process.wait() != 0:
        raise InstallError("the packages could not be installed:\n  " + "\n  ".join(said[-12:]))
    mark.unlink()


def install_ourselves(root: Path, python: Path) -> None:
    """Make the project importable and write the command `codegrey`: no build step, nothing to fetch for one."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(python), "-I", "-c", where], check=True, stdout=subprocess.PIPE, text=True)
    (Path(site.stdout.strip()) / "codegrey.pth").write_text(str(root) + "\n", "utf-8")
    script = root / ".venv" / "bin" / "codegrey"
    # -P: never import from the folder that happens to be the current one.
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -P -m services.launcher.cli "$@"\n', "utf-8")
    script.chmod(0o755)


def install(root: Path, *, dev: bool) -> None:
    """Do what is left to do."""
    (root / ".venv" / "stamp.json").unlink(missing_ok=True)
    python = make_environment(root)
    install_packages(python, root / "locks" / ("dev.txt" if dev else "run.txt"))
    install_ourselves(root, python)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for module in ("kafka.jars", "kafka.aot_training"):
        done = subprocess.run([str(python), "-P", "-m", "services.launcher." + module], cwd=str(root), env=environment)
        if done.returncode != 0:
            raise InstallError(f"services.launcher.{module} failed; run the same command again")
    (root / ".venv" / "stamp.json").write_text(json.dumps(stamp(root, dev=dev)), "utf-8")
    say("installed in .venv; the command is .venv/bin/codegrey")


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Refuse early, or install; return the exit status."""
    if arguments not in ([], ["--dev"]):
        say("usage: python3 services/launcher/bootstrap.py [--dev]")
        return 2
    dev = bool(arguments)
    try:
        bits = 64 if sys.maxsize > 2**32 else 32
        reason = refusal(platform.system(), platform.machine(), platform.libc_ver(), bits)
        if reason:
            raise InstallError(reason)
        if installed(root, dev=dev):
            return 0
        reason = missing_module()
        if reason:
            raise InstallError(reason)
        if shutil.disk_usage(root).free < 1_500_000_000:
            raise InstallError(f"less than 1.5 GB is free on the disk of {root}: the installation needs that")
        lock = os.open(str(root), os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second installation in this folder waits for the first
        if not installed(root, dev=dev):
            install(root, dev=dev)
    except InstallError as error:
        say(f"Code Grey cannot be installed: {error}")
        return 1
    except subprocess.CalledProcessError as error:
        say(f"Code Grey cannot be installed: {shlex.join(error.cmd)} ended with status {error.returncode}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted; the same command takes it up again")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

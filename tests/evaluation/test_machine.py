"""A result says on what it was measured, and memory counts in the children."""

from __future__ import annotations

import os
import subprocess
import sys

from evaluation.machine import machine, peak_of_tree_mb
from evaluation.worker import peak_memory_mb


def test_the_machine_is_named() -> None:
    found = machine()
    assert found["cpu"] and found["cores"] >= 1 and found["memory_gb"] > 0


def test_memory_is_of_the_process_and_of_those_it_started() -> None:
    code = "import sys; sys.stdout.write('there'); sys.stdout.flush(); sys.stdin.read()"
    alone = peak_of_tree_mb(os.getpid())
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.read(5) == b"there"
        together, of_child = peak_of_tree_mb(os.getpid()), peak_of_tree_mb(child.pid)
        child.communicate()
    assert 0 < of_child < together
    assert together >= alone


def test_what_processes_share_counts_once() -> None:
    code = (
        "import os, sys\n"
        "held = bytearray(os.urandom(1)) * 200_000_000\n"
        "children = [os.fork() or sys.stdin.read() for _ in range(2)]\n"
        "sys.stdout.write('there'); sys.stdout.flush(); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout and parent.stdout.read(5) == b"there"
        together, of_parent = peak_of_tree_mb(parent.pid), peak_memory_mb(parent.pid)
        parent.communicate()
    assert 190 < together < of_parent + 50

"""Threads share the memory they leave behind, in a process of its own: what is set for the C library is set for good."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THREADS = """
import ctypes, sys, threading
from app import memory
if "settled" in sys.argv:
    memory.settle()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = (ctypes.c_int, ctypes.c_void_p), (ctypes.c_void_p,)
together = threading.Barrier(6)
def work():
    together.wait()
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""


def arenas(*options: str) -> int:
    said = subprocess.run([sys.executable, "-c", THREADS, *options], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return len(re.findall(r"<heap nr=", said))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="no glibc")
def test_six_threads_share_two_arenas():
    assert arenas() > 2
    assert arenas("settled") == 2

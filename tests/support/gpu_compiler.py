"""Compiles functions of TensorFlow for an H100 that is not there, by TensorFlow's own XLA."""

import pathlib
import shutil
import subprocess

import pytest
import tensorflow as tf

FOLDER = pathlib.Path(__file__).parent


class GpuCompiler:
    """Compiles functions; building it takes a minute.

    Args:
        folder: a folder for the program and what it writes.
    """

    def __init__(self, folder):
        if not shutil.which('g++'):
            pytest.skip('needs g++, to build a program that calls the compiler within TensorFlow')
        self._folder = folder
        self._program = folder / 'compile_for_gpu'
        libraries = pathlib.Path(tf.sysconfig.get_lib())
        include = pathlib.Path(tf.sysconfig.get_include())
        subprocess.run(
            [
                'g++',
                *('-std=c++17', '-O0', '-DNDEBUG', '-w', '-D_GLIBCXX_USE_CXX11_ABI=1'),
                str(FOLDER / 'compile_for_gpu.cc'),
                f'-o{self._program}',
                f'-I{include}',
                *(
                    f'-I{include}/external/{name}'
                    for name in ('highwayhash', 'farmhash_archive/src')
                ),
                f'-L{libraries}',
                *('-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'),
                f'-Wl,-rpath,{libraries}',
            ],
            check=True,
            timeout=900,
        )

    def compile(self, function, specs):
        """Returns (the optimized module as text or None, error messages).

        Args:
            function: a Python function of tensors.
            specs: a `tf.TensorSpec` for each argument.
        """
        compiled = tf.function(function, autograph=False, jit_compile=True)
        lower = compiled.experimental_get_compiler_ir(*specs)
        path = self._folder / 'module'
        path.write_bytes(lower(stage='hlo_serialized', platform_name='GPU'))
        text = self._folder / 'module.txt'
        text.unlink(missing_ok=True)
        done = subprocess.run(
            [self._program, FOLDER / 'h100.pbtxt', path],
            stderr=subprocess.PIPE,
            text=True,
            timeout=600,
        )
        return (text.read_text() if done.returncode == 0 else None), done.stderr

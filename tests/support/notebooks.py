"""Runs the notebooks of `examples/`. As a program it stores their outputs:
`python tests/support/notebooks.py [NAME ...]`.
"""

import contextlib
import json
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / 'examples'
TIMEOUT_SECONDS = 900


def has_kernel():
    """Returns whether notebooks can be run in a kernel, as Jupyter does."""
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
        import nbformat  # noqa: F401
    except ImportError:
        return False
    return True


def code_cells(path):
    """Returns the source of each code cell of a notebook."""
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']


def run_in_kernel(path, folder):
    """Returns the notebook with its outputs, run in a fresh kernel in a folder."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name='python3',
        coalesce_streams=True,
        # Times differ from run to run.
        record_timing=False,
        resources={'metadata': {'path': str(folder)}},
    )
    with _python_path():
        client.execute()
    for cell in notebook.cells:
        for output in cell.get('outputs', ()):
            # Pillow shows pictures as PNG and as JPEG.
            output.get('data', {}).pop('image/jpeg', None)
    return notebook


def run_in_one_namespace(path):
    """Runs the code cells of a notebook one after the other."""
    namespace = {'__name__': '__main__'}
    for number, source in enumerate(code_cells(path)):
        exec(compile(source, f'{path.name}, cell {number}', 'exec'), namespace)


@contextlib.contextmanager
def _python_path():
    """The kernel imports this clone."""
    before = os.environ.get('PYTHONPATH')
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT), before]))
    try:
        yield
    finally:
        del os.environ['PYTHONPATH']
        if before is not None:
            os.environ['PYTHONPATH'] = before


def main(names):
    import nbformat

    for path in sorted(EXAMPLES.glob('*.ipynb')):
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory() as folder:
                notebook = run_in_kernel(path, folder)
            nbformat.write(notebook, path)
            print(f'{path.name}: {path.stat().st_size / 1e3:.0f} kB')


if __name__ == '__main__':
    main(sys.argv[1:])

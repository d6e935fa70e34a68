"""What all tests share: a quiet TensorFlow with two logical CPUs, the folder of reference material,
the sources.
"""

import ast
import collections
import os
import pathlib
import re
import shutil
import signal

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]

Source = collections.namedtuple('Source', 'path module imports')

# Tests of MirroredStrategy need two devices, which can be set only before TensorFlow's first op.
# Ops run on the first one unless a strategy places them, in the thread pool that both share.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# Most tests take few steps, in which TensorFlow's graph optimizer does not save what it costs.
tf.config.optimizer.set_experimental_options({'disable_meta_optimizer': True})


# A shell starts background jobs with SIGINT ignored, which programs under test would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val):
    """Names a case after its value, without the addresses in it, which would differ between
    processes that share the tests.
    """
    return (
        None
        if isinstance(val, (str, bytes, int, float))
        else re.sub(r' at 0x[0-9a-f]+', '', str(val))[:80]
    )


@pytest.fixture(scope='session')
def shared():
    """Returns the folder of reference material: `TFWOLF_SHARED`, by default `shared` beside the
    repository.
    """
    folder = pathlib.Path(os.environ.get('TFWOLF_SHARED', ROOT.parent / 'shared'))
    if not folder.is_dir():
        pytest.skip(
            f'needs the reference material: no folder {folder}; set TFWOLF_SHARED to where it is'
        )
    return folder


@pytest.fixture(scope='session')
def tiny_run(tmp_path_factory):
    """Returns the folder of a run of a tiny model of digits, trained for six steps."""
    from support.tool_runs import train_tiny

    return train_tiny(tmp_path_factory.mktemp('runs') / 'tiny')


@pytest.fixture(scope='session')
def server(tmp_path_factory):
    """Returns a `serving_process.Server`: a small exported model, and a process that serves it as
    TensorFlow Serving does.
    """
    from support.serving_process import export, running_server

    folder = tmp_path_factory.mktemp('served')
    export(folder)
    with running_server(folder, tmp_path_factory.mktemp('log') / 'stderr') as found:
        yield found
    assert found.process.returncode == 0, 'the server did not end by itself when it was told to'


@pytest.fixture(scope='session')
def browser():
    """Returns a headless browser driven by selenium, which keeps a log of what it writes to its
    console and asks the network for.
    """
    binary, driver = (
        next(
            filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None
        ),
        shutil.which('chromedriver'),
    )
    if not (binary and driver):
        pytest.skip('needs Chromium or Chrome, and chromedriver, on the PATH')
    webdriver = pytest.importorskip('selenium.webdriver', reason='needs selenium (extra "test")')
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # Chromium does not run as root with its sandbox.
    for argument in (
        '--headless=new',
        '--no-sandbox',
        '--disable-dev-shm-usage',
        '--window-size=1280,1000',
    ):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture(scope='session')
def sources():
    """Returns a `Source` for every Python file of the library, the tools and the tests."""
    files = sorted(
        path.relative_to(ROOT)
        for top in ('tfwolf', 'tools', 'tests')
        for path in ROOT.glob(f'{top}/**/*.py')
    )
    known = {module_name(file) for file in files}
    return [
        Source(file.as_posix(), module_name(file), imported_modules(file, known)) for file in files
    ]


def module_name(file):
    """Returns the dotted name under which a file, given by its path relative to the root, is
    imported.
    """
    return '.'.join(file.parent.parts if file.name == '__init__.py' else file.with_suffix('').parts)


def imported_modules(file, known):
    """Returns the names of the modules that a file imports, at its top or inside its functions.

    `from a import b` imports `a.b` if that is one of the `known` modules, else `a`.
    """
    modules = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding='utf-8'), str(file))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = (
                file.parent.parts[: len(file.parent.parts) - node.level + 1] if node.level else ()
            )
            base = '.'.join((*package, *filter(None, [node.module])))
            inner = {f'{base}.{alias.name}' for alias in node.names}
            modules |= inner & known | ({base} if inner - known else set())
    return modules

"""Progress: a bar of at most 79 columns on a terminal, otherwise plain lines."""

import contextlib
import fcntl
import io
import os
import pty
import struct
import sys
import termios

import pytest

from tfwolf.core import progress
from tfwolf.core.progress import progress_bar

VALUES = {'bits/dim': '3.456', 'KL': '123.4 nats', 'images/s': '1234', 'skipped': '{7}'}


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that opens a terminal of a given width as stderr and returns its reader.

    The reader returns everything that was written to the terminal since its last call.
    """
    with contextlib.ExitStack() as stack:

        def opened(columns):
            master, slave = pty.openpty()
            stack.callback(os.close, master)
            os.set_blocking(master, False)
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
            stderr = stack.enter_context(open(slave, 'w', encoding='utf-8'))
            monkeypatch.setattr(sys, 'stderr', stderr)

            def read():
                found = b''
                with contextlib.suppress(BlockingIOError):
                    while True:
                        found += os.read(master, 65536)
                return found.decode()

            return read

        yield opened


@pytest.fixture
def clock(monkeypatch):
    """Return a list with the time in seconds, which a test can change."""
    time = [0.0]
    monkeypatch.setattr(progress, 'monotonic', lambda: time[0])
    return time


def screen(written):
    """Return the lines that a terminal shows, after checking that none exceeds 79 columns."""
    rows, column = [[]], 0
    for character in written:
        if character == '\r':
            column = 0
        elif character == '\n':
            rows.append([])
        else:
            rows[-1][column:] = [character, *rows[-1][column + 1 :]]
            column += 1
            assert column <= 79, ''.join(rows[-1])
    return [''.join(row).rstrip() for row in rows]


def drive(bar, error=None, steps=3):
    """Update a bar `steps` times and raise `error`, if any, inside its block."""
    with bar:
        for _ in range(steps):
            bar.update(50)
            bar.set_postfix(VALUES)
        if error is not None:
            raise error


@pytest.mark.parametrize('columns', [80, 200, 0])
def test_a_bar_fits_80_columns_and_ends_its_line(terminal, columns):
    read = terminal(columns)
    drive(progress_bar(150, 0, 'Training', 'step'))
    bar, after = screen(read())
    assert bar.startswith('Training 100%|█') and '| 150/150 00:00<00:00, ' in bar and after == ''
    assert len(bar) <= 79


def test_values_that_do_not_fit_are_left_out_whole(terminal):
    read = terminal(80)
    drive(progress_bar(150_000, 120_000, 'Training', 'step'))
    bar, _ = screen(read())
    assert bar.endswith(', bits/dim=3.456, KL=123.4 nats')
    read = terminal(40)
    drive(progress_bar(150, 0, 'Training', 'step'))
    assert all(len(line) <= 39 for line in screen(read()))


def test_a_bar_without_values_shows_the_speed(terminal):
    read = terminal(80)
    with progress_bar(10, 0, 'Decoding', 'image') as bar:
        bar.update(10)
    assert screen(read())[0].endswith('image/s')


@pytest.mark.parametrize('leave', [True, False])
@pytest.mark.parametrize(
    'error', [KeyboardInterrupt(), ValueError('wrong')], ids=['Ctrl-C', 'error']
)
def test_an_interrupted_bar_stays_and_ends_its_line(terminal, error, leave):
    read = terminal(80)
    with pytest.raises(type(error)):
        drive(progress_bar(200, 0, 'Training', 'step', leave=leave), error)
    bar, after = screen(read())
    assert bar.startswith('Training  75%|') and ' 150/200 ' in bar and after == ''


def test_a_bar_that_does_not_stay_leaves_an_empty_line(terminal):
    read = terminal(80)
    drive(progress_bar(150, 0, 'Training', 'step', leave=False))
    assert screen(read()) == ['']


def test_a_task_that_ends_within_the_delay_shows_nothing(terminal, clock, capsys):
    with progress_bar(10, 0, 'Decoding', 'image', delay=3) as bar:
        clock[0] += 2
        bar.update(10)
    assert capsys.readouterr().err == ''
    read = terminal(80)
    with progress_bar(10, 0, 'Decoding', 'image', delay=3) as bar:
        bar.update(10)
    assert read() == ''


def test_a_line_that_is_printed_does_not_mix_with_the_bar(terminal, monkeypatch):
    read = terminal(80)
    monkeypatch.setattr(sys, 'stdout', sys.stderr)
    with progress_bar(10, 0, 'Training', 'step') as bar:
        bar.update(5)
        bar.write('step 5: validation 3.2')
    shown = screen(read())
    assert shown[0] == 'step 5: validation 3.2' and shown[1].startswith('Training  50%|')


def test_plain_lines_come_every_ten_seconds_and_at_the_end(clock, capsys):
    with progress_bar(5000, 1000, 'Training', 'step', delay=3) as bar:
        bar.set_postfix({'bits/dim': '3.456'}, refresh=False)
        for _ in range(40):
            clock[0] += 0.625
            bar.update(100)
    assert capsys.readouterr().err == (
        'Training: 2,600/5,000 steps (52%), 00:10 elapsed, 00:15 left, bits/dim=3.456\n'
        'Training: 4,200/5,000 steps (84%), 00:20 elapsed, 00:05 left, bits/dim=3.456\n'
        'Training: 5,000/5,000 steps (100%), 00:25 elapsed, bits/dim=3.456\n'
    )


@pytest.mark.parametrize(
    'error, outcome', [(KeyboardInterrupt(), 'interrupted'), (OSError('disk full'), 'failed')]
)
def test_the_last_plain_line_tells_the_outcome(clock, capsys, error, outcome):
    with pytest.raises(type(error)):
        with progress_bar(20, 0, 'Reading test', 'image') as bar:
            bar.update(5)
            clock[0] += 61
            raise error
    found = capsys.readouterr().err
    assert found == f'Reading test: 5/20 images (25%), 01:01 elapsed, {outcome}\n'


def test_the_last_plain_line_is_printed_once(clock, capsys):
    bar = progress_bar(0, 0, 'Reading', 'image')
    bar.close()
    with bar:
        bar.write('a line')
    assert capsys.readouterr() == ('a line\n', 'Reading: 0/0 images, 00:00 elapsed\n')


def test_a_closed_log_stops_no_task(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, 'stderr', log)
    with progress_bar(1, 0, 'Reading', 'image'):
        log.close()


@pytest.mark.parametrize('on_terminal', [True, False])
def test_progress_that_is_not_shown_prints_lines_only(terminal, capsys, on_terminal):
    read = terminal(80) if on_terminal else lambda: capsys.readouterr().err
    with progress_bar(10, 0, 'Training', 'step', shown=False) as bar:
        bar.update(10)
        bar.write('a line')
    assert capsys.readouterr().out == 'a line\n' and read() == ''

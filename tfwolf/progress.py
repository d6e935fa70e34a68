"""Progress bars: on a terminal a live one, in a log file a line now and then."""
import sys

import tqdm


def progress_bar(total, initial, description, unit, shown=True, delay=0):
    """Returns a tqdm bar on stderr with what is done, time left and speed; none is drawn if it is not `shown`, nor in the first `delay` s."""
    seconds_between = 0.2 if sys.stderr.isatty() else 10
    return tqdm.tqdm(total=total, initial=initial, desc=description, unit=unit, mininterval=seconds_between,
                     dynamic_ncols=True, disable=not shown, delay=delay)

"""The plots of a run by their names; each writes a folder of its own."""

from __future__ import annotations

from tfwolf.cli.plot_codes import show_calibration, show_invertibility, show_kl
from tfwolf.cli.plot_likelihoods import show_file_length, show_likelihoods, show_temperature
from tfwolf.cli.plot_tables import show_curves, show_frechet, show_probe, show_terms

PARTS = {
    'curves': show_curves,
    'terms': show_terms,
    'kl': show_kl,
    'likelihoods': show_likelihoods,
    'file_length': show_file_length,
    'calibration': show_calibration,
    'invertibility': show_invertibility,
    'temperature': show_temperature,
    'probe': show_probe,
    'frechet': show_frechet,
}

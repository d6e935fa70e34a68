"""What stands beside the versions of an exported model: files for a server, and a client."""

from __future__ import annotations

import os
import pathlib
import re

from tfwolf.core.files import write_text
from tfwolf.serving import client

IMAGE = 'tensorflow/serving:2.20.0'
CLIENT_FILES = ('client.py', 'client_grpc.py', 'client_rest.py')

MODELS = """\
# What the server serves: the newest version in the folder, and each newer one as soon as it is there.
model_config_list {{
  config {{
    name: '{name}'
    base_path: '/models/{name}'
    model_platform: 'tensorflow'
  }}
}}
"""

BATCHING = """\
# How the server makes one batch of the requests that arrive together. All inputs of all signatures have the batch as their first dimension.
# Only requests of one signature share a batch, and only if their inputs differ in that dimension alone: requests of `interpolate` with
# other numbers of alphas or betas at the same time are refused; send them as many, or serve without --enable_batching.
# A batch fails as a whole. What the model refuses in one request (NaN, another size of image), the requests in the same batch are refused
# for, too; client.py holds types and sizes against the signature before it sends. With clients that cannot be trusted to, take out
# --enable_batching: then a request fails alone.

# Rows of a batch, and the most of a single request; client.py sends longer ones in parts. Memory grows with it.
max_batch_size {{ value: {batch} }}
# How long the first request waits for others, in microseconds: little beside the time that a batch takes, so that a lone one is not slowed.
batch_timeout_micros {{ value: 2000 }}
# Full batches that may wait; further requests are refused at once (UNAVAILABLE) instead of being answered late.
max_enqueued_batches {{ value: 64 }}
# Batches computed at the same time. One already spreads over the cores (or is the GPU's); the second fills the gaps.
num_batch_threads {{ value: 2 }}
# No allowed_batch_sizes: batches are not padded. A padded row costs as much as a real one, and an empty request has none to copy.
"""

MONITORING = """\
# Counters and latencies for Prometheus, at http://localhost:8501/monitoring/prometheus/metrics.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""

COMPOSE = """\
# `docker compose up` in this folder serves the model: REST at http://localhost:8501/v1/models/{name}, gRPC at localhost:8500.
services:
  serving:
    image: {image}
    command:
      - --model_config_file=/models/{name}/models.config
      - --enable_batching
      - --batching_parameters_file=/models/{name}/batching.config
      - --monitoring_config_file=/models/{name}/monitoring.config
    volumes:
      # The folder, not its files: a file that is replaced would stay the old one in the container, a new version is seen.
      - type: bind
        source: .
        target: /models/{name}
        read_only: true
    ports:
      # Reachable from this machine only: the server asks nobody who they are.
      - "127.0.0.1:8501:8501"
      - "127.0.0.1:8500:8500"
    security_opt:
      - no-new-privileges:true
    restart: unless-stopped
    healthcheck:
      # The image has bash, but nothing to fetch a page with.
      test:
        - CMD
        - bash
        - -c
        - >-
          exec 3<>/dev/tcp/127.0.0.1/8501 &&
          printf 'GET /v1/models/{name} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 &&
          grep -q AVAILABLE <&3
      interval: 10s
      timeout: 5s
      retries: 3
      # Loading and warming up.
      start_period: 120s
"""


def write_server_files(folder: str, model_name: str) -> None:
    """Writes models.config, batching.config, monitoring.config, compose.yaml and the client into a
    folder; replaces older ones.

    Args:
        folder: that holds the versions of the model.
        model_name: under which it is served, of letters, digits, '_', '-' and '.'.

    Raises:
        ValueError: if the name has other characters, which an address would not carry.
    """
    if not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', model_name):
        raise ValueError(
            "model_name must be of letters, digits, '_', '-' and '.', the first none of the last "
            f'two; got {model_name!r}'
        )
    texts = {
        'models.config': MODELS.format(name=model_name),
        'batching.config': BATCHING.format(batch=client.MAX_BATCH),
        'monitoring.config': MONITORING,
        'compose.yaml': COMPOSE.format(name=model_name, image=IMAGE),
    }
    ours = pathlib.Path(__file__).parent
    for name, text in {
        **texts,
        **{name: (ours / name).read_text(encoding='utf-8') for name in CLIENT_FILES},
    }.items():
        # Whole or not at all, for a server that reads it at the same time.
        write_text(os.path.join(folder, name), text)

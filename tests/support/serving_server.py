"""A stand-in for TensorFlow Serving in tests: REST and gRPC on top of exported files.

    python tests/support/serving_server.py --rest_api_port=8501 --port=8500 --model_name=wolf
        --model_base_path=OUT

A port of 0 is any free port. When ready, it prints `{"rest_api_port": ..., "port": ...}` as one
line. SIGTERM or SIGINT ends it.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import threading

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.serving_grpc import grpc_server  # noqa: E402
from support.serving_model import ServedModel  # noqa: E402
from support.serving_rest import rest_server  # noqa: E402


def main():
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description='Stand-in for tensorflow_model_server.')
    parser.add_argument('--rest_api_port', type=int, default=8501)
    parser.add_argument('--port', type=int, default=8500, help='of gRPC')
    parser.add_argument('--model_name', default='wolf')
    parser.add_argument('--model_base_path', required=True)
    options = parser.parse_args()
    model = ServedModel(options.model_name, options.model_base_path)
    rest = rest_server(model, options.rest_api_port)
    grpc, grpc_port = grpc_server(model, options.port)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    print(json.dumps({'rest_api_port': rest.server_address[1], 'port': grpc_port}), flush=True)
    ended.wait()
    rest.shutdown()
    grpc.stop(grace=1).wait()


if __name__ == '__main__':
    main()

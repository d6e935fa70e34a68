"""TensorFlow Serving's REST interface for the stand-in server."""

import http.server
import json
import re

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from support.serving_json import columns, read_request, rows, write_columns, write_rows
from support.serving_model import NOT_FOUND
from tfwolf.serving.c_api import ServableError

# HTTP status of TensorFlow's error codes; 500 for others.
STATUS = {
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    14: 503,
    16: 401,
}
LARGEST_BODY = 64 * 2**20
PREDICT = re.compile(r'/v1/models/([^/:]+)(?:/versions/(\d+))?:(classify|regress|predict)')
LOOK = re.compile(r'/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata)?')


def rest_server(model, port):
    """Return an HTTP server of a `ServedModel`; port 0 is any free port."""
    handler = type('Handler', (_Handler,), {'model': model})
    server = _Server(('127.0.0.1', port), handler)
    return server


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Seconds after which a silent connection is closed.
    timeout = 60
    # Header and body in one packet; otherwise one waits for the acknowledgement of the other.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        found = LOOK.fullmatch(self.path)
        self._answer(lambda: self._look(*found.groups()) if found else self._malformed())

    def do_POST(self):
        length = self.headers.get('Content-Length', '')
        if not length.isdigit() or int(length) > LARGEST_BODY:
            # An unread body would be taken for the next request.
            self.close_connection = True
            return self._send(
                413 if length.isdigit() else 411,
                {'error': f'The body must have a length of at most {LARGEST_BODY} bytes'},
            )
        body = self.rfile.read(int(length))
        found = PREDICT.fullmatch(self.path)
        return self._answer(
            lambda: self._predict(*found.groups(), body) if found else self._malformed()
        )

    def log_message(self, format, *args):
        del format, args

    def _look(self, name, version, metadata):
        version = version and int(version)
        if metadata:
            self.model.check(name, version)
            return _metadata(self.model.metadata())
        if name != self.model.name or version not in (None, self.model.version):
            raise ServableError(
                f'Could not find any versions of model {name}'
                if version is None
                else f'Could not find version {version} of model {name}',
                NOT_FOUND,
            )
        return {
            'model_version_status': [
                {
                    'version': str(self.model.version),
                    'state': 'AVAILABLE',
                    'status': {'error_code': 'OK', 'error_message': ''},
                }
            ]
        }

    def _predict(self, name, version, method, body):
        if method != 'predict':
            raise ServableError(
                f'Expected {method} signature method_name; the model has signatures to predict '
                'alone'
            )
        # Like a real server, which reads the whole body before it looks up the model.
        request = read_request(body)
        self.model.check(name, version and int(version))
        signature = request.get('signature_name') or 'serving_default'
        if signature not in self.model.call.signatures:
            raise ServableError(f'Serving signature name: "{signature}" not found in signature def')
        infos = self.model.call.signatures[signature].inputs
        if 'inputs' in request:
            return write_columns(self.model.call(signature, columns(request['inputs'], infos)))
        return write_rows(self.model.call(signature, rows(request['instances'], infos)))

    def _malformed(self):
        raise ServableError(f'Malformed request: {self.command} {self.path}')

    def _answer(self, compute):
        try:
            status, answer = 200, compute()
        except ServableError as error:
            status, answer = STATUS.get(error.code, 500), {'error': str(error)}
        self._send(status, answer)

    def _send(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _metadata(response):
    """Return a `GetModelMetadataResponse` as JSON, without the type names of packed messages."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata['signature_def'].Unpack(signatures)
    options = {'preserving_proto_field_name': True, 'always_print_fields_with_no_presence': True}
    spec = {
        'name': response.model_spec.name,
        'signature_name': '',
        'version': str(response.model_spec.version.value),
    }
    return {
        'model_spec': spec,
        'metadata': {'signature_def': json_format.MessageToDict(signatures, **options)},
    }

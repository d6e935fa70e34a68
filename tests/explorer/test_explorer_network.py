"""The explorer on a network: slow clients, many clients, host names and tokens."""

import contextlib
import re
import socket
import threading
import time

import pytest

from support.small_explorer import SAMPLE, Blend, ask
from tfwolf.explorer import deadline, handler
from tfwolf.explorer import server as explorer_server
from tfwolf.explorer.access import check_names
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.deadline import DeadlineReader
from tfwolf.explorer.description import describe
from tfwolf.explorer.server import Server


@contextlib.contextmanager
def running(host='127.0.0.1', backend=None, **options):
    """Run a server for a `with` block."""
    backend = backend or Blend()
    server = Server(host, 0, Actions(backend, describe(backend.signatures), ''), **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def port(server):
    return server.server_address[1]


def get(server, path='/api/model', method='GET', **headers):
    return ask(port(server), method, path, None, headers)


def connect(server, sent=b'', stack=None):
    """Open a connection and send some bytes."""
    connection = socket.create_connection(('127.0.0.1', port(server)), timeout=60)
    if stack is not None:
        stack.enter_context(connection)
    connection.sendall(sent)
    return connection


def is_ended(connection, sent, every=0.02):
    """Send bytes one by one until the server ends the connection; return whether it did."""
    connection.settimeout(every)
    for place in range(3000):
        try:
            connection.sendall(sent[place : place + 1] or b'x')
            if not connection.recv(1):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize(
    'start', [b'', b'GET / HT', b'POST /api/sample HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{']
)
def test_a_request_that_arrives_byte_by_byte_ends(monkeypatch, start):
    monkeypatch.setattr(handler, 'REQUEST_SECONDS', 0.2)
    with running() as server, connect(server, start) as connection:
        assert is_ended(connection, b'')
        monkeypatch.undo()
        assert get(server)[0] == 200


def test_a_large_body_has_more_time(monkeypatch):
    more = []
    monkeypatch.setattr(DeadlineReader, 'extend', lambda self, seconds: more.append(seconds))
    with running() as server:
        assert ask(port(server), 'POST', '/api/upload', bytes(2**20))[0] == 415
    assert more == [2**20 / handler.BODY_BYTES_PER_SECOND]


def test_a_deadline_is_for_all_reads_together(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(deadline.time, 'monotonic', lambda: now[0])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = DeadlineReader(ours)
        reader.start(30)
        for second in (0, 20, 29):
            now[0] = second
            theirs.sendall(b'x')
            assert reader.read(1) == b'x'
        now[0] = 30
        theirs.sendall(b'x')
        with pytest.raises(TimeoutError):
            reader.read(1)
        reader.extend(1)
        assert reader.read(1) == b'x'


def test_a_client_that_does_not_read_the_answer_is_left(monkeypatch):
    monkeypatch.setattr(handler, 'ANSWER_SECONDS', 0.2)
    monkeypatch.setattr(handler, 'BUSY_SECONDS', 30.0)
    monkeypatch.setattr(explorer_server, 'CONNECTIONS', 1)
    with running() as server, contextlib.ExitStack() as stack:
        server.routes.files['/large'] = (bytes(2**26), 'text/html')
        connect(server, b'GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n', stack)
        while get(server)[0] != 200:
            time.sleep(0.02)


def test_slow_clients_make_room_for_others(monkeypatch):
    monkeypatch.setattr(explorer_server, 'CONNECTIONS', 4)
    with running() as server, contextlib.ExitStack() as stack:
        slow = [connect(server, b'GET / HT', stack) for _ in range(12)]
        for _ in range(5):
            assert get(server)[0] == 200
        # One of those that came first has ended.
        assert is_ended(slow[0], b'')


class Held(Blend):
    """A model whose answers wait for an event."""

    def __init__(self):
        self.enter, self.leave = threading.Semaphore(0), threading.Event()

    def __call__(self, name, inputs):
        self.enter.release()
        assert self.leave.wait(60)
        return super().__call__(name, inputs)


def test_a_busy_server_says_so_at_once(monkeypatch):
    monkeypatch.setattr(explorer_server, 'CONNECTIONS', 2)
    monkeypatch.setattr(explorer_server, 'REFUSALS', 1)
    monkeypatch.setattr(handler, 'BUSY_SECONDS', 30.0)
    backend, found = Held(), []

    def sample():
        found.append(ask(port(server), 'POST', '/api/sample', SAMPLE)[0])

    with running(backend=backend) as server, contextlib.ExitStack() as stack:
        working = [threading.Thread(target=sample) for _ in range(2)]
        for thread in working:
            thread.start()
        # Two first calls do not overlap, but both requests have arrived.
        assert backend.enter.acquire(timeout=60)
        while server.waiting._connections or server._threads._value:
            time.sleep(0.01)
        status, headers, answer = get(server)
        assert status == 503 and 'too many' in answer['error']
        assert headers['Connection'] == 'close'
        # One that sends nothing takes the only place for refusals: others are ended without words.
        while server._refusals._value == 0:
            time.sleep(0.01)
        connect(server, b'', stack)
        while server._refusals._value:
            time.sleep(0.01)
        with connect(server) as connection:
            assert connection.recv(1) == b''
        backend.leave.set()
        for thread in working:
            thread.join()
        assert found == [200, 200]
        while get(server)[0] != 200:
            time.sleep(0.02)


def test_this_machine_needs_no_token():
    with running() as server:
        assert server.address == f'http://127.0.0.1:{port(server)}/'
        assert server.address_elsewhere is None and get(server)[0] == 200


def test_other_machines_need_the_token():
    with running('0.0.0.0') as server, running('0.0.0.0') as other:
        token = server.access.token
        assert len(token) >= 32 and token != other.access.token
        assert server.address == f'http://127.0.0.1:{port(server)}/?token={token}'
        assert server.address_elsewhere == (
            f'http://{socket.gethostname()}:{port(server)}/?token={token}'
        )
        wrong = ('', f'?token={token[:-1]}', f'?token={token}x', '?token', '?token=%ff', '?' * 99)
        for path in ('/', '/page.js', '/api/model', '/nowhere'):
            for query in (*wrong, f'?token={other.access.token}', f'?tokens={token}', '?a' * 200):
                status, headers, answer = get(server, path + query)
                assert status == 403 and 'printed' in answer['error'], path + query
                assert 'Set-Cookie' not in headers
        status, headers, content = get(server, f'/?token={token}')
        assert (status, headers['Location'], content) == (303, '/', b'')
        cookie, *attributes = headers['Set-Cookie'].split('; ')
        assert cookie == f'tfwolf-{port(server)}={token}'
        assert attributes == ['HttpOnly', 'SameSite=Lax', 'Path=/']
        assert get(server, f'//evil.example/?token={token}')[1]['Location'] == '/'
        for text in (cookie, f'a=b; {cookie}', f'{cookie}; a=b'):
            assert get(server, '/', Cookie=text)[0] == 200
        ask_with = {'Cookie': cookie}
        assert ask(port(server), 'POST', '/api/sample', SAMPLE, ask_with)[0] == 200
        assert ask(port(server), 'POST', f'/api/sample?token={token}', SAMPLE, {})[0] == 200
        assert ask(port(server), 'POST', '/api/sample', SAMPLE, {})[0] == 403
        for text in ('', 'a', f'{cookie}x', f'tfwolf-1={token}', 'é', f'"{cookie}"', ';' * 999):
            assert get(server, '/', Cookie=text.encode())[0] == 403, text


def test_host_names_on_a_network():
    with running('0.0.0.0', allowed_hosts=['Wolf.example.org']) as server:
        query = f'/api/model?token={server.access.token}'

        def status(host, **headers):
            return get(server, query, Host=host, **headers)[0]

        name = socket.gethostname()
        for host in ('192.168.0.7', '10.0.0.1:80', '[fe80::1]:80', 'localhost', name, name.upper()):
            assert status(host) == 303, host
        for host in ('wolf.example.org', 'WOLF.example.org:443'):
            assert status(host) == 303, host
        for host in ('evil.example', '', '1.2.3', '192.168.0.7.evil.example', '[', 'wolf.example'):
            assert status(host) == 403, host
        assert 'allowed_hosts' in get(server, query, Host='evil.example')[2]['error']
        # A proxy passes on another host name.
        assert status('localhost:8600', Origin='https://wolf.example.org') == 303
        assert status('localhost:8600', Origin='https://evil.example') == 403
        assert status('localhost:8600', Origin='null') == 403


def test_a_stranger_has_the_body_read_but_not_kept(monkeypatch):
    with running('0.0.0.0') as server:
        monkeypatch.setattr(handler.Handler, '_body', lambda *arguments: pytest.fail('kept'))
        for path in ('/api/upload', '/api/sample', '/'):
            status, headers, answer = ask(port(server), 'POST', path, bytes(2**20))
            assert status == 403 and 'printed' in answer['error']
            assert headers['Connection'] == 'close'


def test_a_page_behind_a_proxy_needs_the_token():
    with running(allowed_hosts=['wolf.example.org']) as server:
        assert server.access.token in server.address and get(server)[0] == 403
        query = f'/api/model?token={server.access.token}'
        assert get(server, query, Host='wolf.example.org')[0] == 303
        assert get(server, query, Host='192.168.0.7')[0] == 403


def test_allowed_hosts_are_names():
    check_names(['wolf.example.org', 'Wolf', '10.0.0.1', 'fe80::1'])
    for name in ('http://wolf', 'wolf:80', 'a/b', '', 'a b@c', '*:'):
        with pytest.raises(ValueError, match=re.escape(repr(name))):
            check_names([name])


@pytest.mark.parametrize('header', ['Content-Length: 5', 'Host: localhost'])
def test_repeated_headers_are_refused(header):
    request = (
        'POST /api/sample HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n'
        f'{header}\r\n\r\n{{}}   '
    )
    with running() as server, connect(server, request.encode()) as connection:
        assert connection.recv(100).startswith(b'HTTP/1.1 400')

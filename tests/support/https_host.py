"""A host for downloads on the loopback interface: TLS with a certificate authority of its own, and files that are
served well or badly."""

import http.server
import pathlib
import socket
import ssl
import subprocess
import threading
import time


def make_authority(folder, name):
    """A certificate authority: (certificate, key)."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl(
        *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
        *["-subj", f"/CN=voxlabel test {name}", "-keyout", key, "-out", certificate],
        *["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"],
    )
    return certificate, key


def make_certificate(folder, authority, names):
    """A server's certificate for subject alternative names, signed by an authority: a file with its key."""
    key, request, certificate = folder / "host.key", folder / "host.csr", folder / "host.crt"
    extensions = folder / "host.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl(
        *["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        *["-subj", "/CN=host", "-keyout", key, "-out", request],
    )
    openssl(
        *["x509", "-req", "-in", request, "-CA", authority[0], "-CAkey", authority[1], "-days", "2"],
        *["-set_serial", "7", "-extfile", extensions, "-out", certificate],
    )
    both = folder / "host.pem"
    both.write_text(certificate.read_text() + key.read_text())
    return both


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Served:
    """A file of the host, and how it is served. What is a list is used up, one element a request."""

    def __init__(self, body, etag='"1"', modified=None, **how):
        self.body = body
        self.etag = etag
        self.modified = modified
        self.ranges = how.pop("ranges", True)  # whether parts may be asked for
        self.blind = how.pop("blind", False)  # takes no notice of If-Range
        self.length = how.pop("length", True)  # says how long it is
        self.range_said = how.pop("range_said", None)  # in place of the true Content-Range
        self.claims = how.pop("claims", None)  # another length than the true one
        self.cuts = list(how.pop("cuts", []))  # bytes after which the connection is dropped; None: never
        self.statuses = list(how.pop("statuses", []))  # in place of the file; None: the file
        self.location = how.pop("location", None)  # where a redirect leads
        self.pace = how.pop("pace", None)  # seconds between pieces
        self.piece = how.pop("piece", 1 << 16)
        self.silent = how.pop("silent", False)  # takes the request and says nothing
        assert not how, how


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        host = self.server.host
        host.requests.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        served = host.files.get(self.path)
        if served is None:
            self.answer(404, b"<h1>not here</h1>")
            return
        if served.silent:
            host.ended.wait(60)
            self.close_connection = True
            return
        status = served.statuses.pop(0) if served.statuses else None
        if served.location is not None:
            self.answer(302, b"<h1>elsewhere</h1>", {"Location": served.location})
        elif status is not None:
            self.answer(status, b"<h1>an error</h1>" * 100)
        else:
            self.serve(served)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, served):
        start = self.part_asked_for(served)
        if start is not None and start >= len(served.body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(served.body)}"})
            return
        body = memoryview(served.body)[start or 0 :]
        total = served.claims or len(served.body)
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", served.range_said or f"bytes {start}-{total - 1}/{total}")
        if served.etag is not None:
            self.send_header("ETag", served.etag)
        if served.modified is not None:
            self.send_header("Last-Modified", served.modified)
        if served.length:
            self.send_header("Content-Length", str(total - (start or 0)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_pieces(served, body)

    def part_asked_for(self, served):
        asked = self.headers.get("Range")
        if asked is None or not served.ranges:
            return None
        known = self.headers.get("If-Range")
        if known is not None and not served.blind and known not in (served.etag, served.modified):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def send_pieces(self, served, body):
        cut = served.cuts.pop(0) if served.cuts else None
        for at in range(0, len(body), served.piece):
            piece = body[at : at + served.piece]
            if cut is not None and at + len(piece) > cut:
                self.send_piece(served, body[at:cut])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_piece(served, piece)
            if served.pace is not None:
                time.sleep(served.pace)
            if self.server.host.ended.is_set():
                self.close_connection = True
                return
        if not served.length:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = served.claims is not None

    def send_piece(self, served, piece):
        if served.length:
            self.wfile.write(piece)
        elif len(piece) > 0:
            self.wfile.write(b"%x\r\n" % len(piece) + bytes(piece) + b"\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments):
        pass  # clients that leave are what is tested


class Host:
    """Serves self.files at self.url until it is closed; self.requests are the requests: (path, Range, If-Range)."""

    def __init__(self, folder, names="DNS:localhost,IP:127.0.0.1", authority=None):
        folder = pathlib.Path(folder)
        self.authority = authority or make_authority(folder, "authority")
        self.ca_file = str(self.authority[0])
        self.files, self.requests, self.ended = {}, [], threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_certificate(folder, self.authority, names))
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.host = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


class Proxy:
    """An HTTP proxy that tunnels (CONNECT) to wherever it is asked to, or refuses; self.asked are the targets."""

    def __init__(self, refuses=False):
        self.asked, self.refuses = [], refuses
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(client,), daemon=True).start()

    def tunnel(self, client):
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(4096)
        method, target, _rest = request.decode().split(" ", 2)
        self.asked.append((method, target))
        if self.refuses:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        name, port = target.rsplit(":", 1)
        server = socket.create_connection((name, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = threading.Thread(target=self.copy, args=(client, server), daemon=True)
        there.start()
        self.copy(server, client)
        there.join()
        server.close()
        client.close()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # whoever waits in accept would keep it open
        self.listener.close()


def nobody():
    """A socket that keeps its port to itself and takes no connections."""
    alone = socket.socket()
    alone.bind(("127.0.0.1", 0))
    return alone


def without_proxies(environment):
    """An environment without proxies and certificates of the machine."""
    named = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "curl_ca_bundle", "ssl_cert_file", "ssl_cert_dir"}
    return {name: value for name, value in environment.items() if name.lower() not in named}

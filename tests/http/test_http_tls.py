"""The same over TLS, with certificates made here."""

import http.client
import pathlib
import ssl
import subprocess
import tempfile
import unittest
import warnings

from http_case import PATIENCE, HttpCase, Server, multipart, read_all, statuses


def make_certificate(folder, name):
    """A key and a certificate for 127.0.0.1 that signs itself."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate


class Tls(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        cls.keys = tempfile.TemporaryDirectory(prefix="keys.")
        cls.key, cls.certificate = make_certificate(pathlib.Path(cls.keys.name), "server")
        cls.other_key, cls.other = make_certificate(pathlib.Path(cls.keys.name), "other")
        file = pathlib.Path(cls.keys.name) / "content"
        file.write_bytes(b"0123456789" * 100_000)
        cls.server = Server(uploads=cls.root, cert=cls.certificate, key=cls.key, file=file)
        cls.context = ssl.create_default_context(cafile=str(cls.certificate))

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.keys.cleanup()

    def connect(self, timeout=PATIENCE):
        return http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=timeout, context=self.context)

    def wrapped(self):
        return self.context.wrap_socket(self.raw(), server_hostname="127.0.0.1")

    def test_requests(self):
        self.assertTrue(self.server.url.startswith("https://127.0.0.1:"))
        connection = self.connect()
        for _ in range(3):
            self.assertEqual(self.ask("GET", "/echo?a=1", connection=connection).json()["query"], {"a": "1"})
            self.assertEqual(len(self.ask("GET", "/file/a.nrrd", connection=connection).body), 1_000_000)
            self.assertEqual(self.ask("GET", "/later?seconds=0.05", connection=connection).json(), {"waited": True})
            self.assertEqual(self.ask("GET", "/events?count=5", connection=connection).body.count(b"event"), 5)
        connection.close()
        form, headers = multipart([("file", "x.nii", b"x" * 500_000)])
        self.assertEqual(self.ask("POST", "/echo", form, headers).json()["files"][0]["size"], 500_000)
        self.assertGreater(len(self.ask("POST", "/mask").body), 1_000_000)

    def test_a_hang_up(self):
        client = self.wrapped()
        client.sendall(b"GET /later?seconds=1000 HTTP/1.1\r\nHost: h\r\n\r\n")
        self.wait_for(lambda: self.state()["waiting"] == 1)
        client.close()
        self.wait_for(lambda: self.state()["waiting"] == 0)

    def test_plain_text_gets_nothing(self):
        client = self.raw()
        client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(statuses(read_all(client)), [])

    def test_old_versions_are_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(self.raw(), server_hostname="127.0.0.1")

    def fails(self, **options):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(uploads=folder, **options)
            self.assertIsNone(server.port)
            self.assertEqual(server.process.wait(timeout=PATIENCE), 1)
            said = server.process.stderr.read()
            for stream in (server.process.stdin, server.process.stdout, server.process.stderr):
                stream.close()
            return said

    def test_certificates_that_do_not_fit(self):
        self.assertIn("one is missing", self.fails(cert=self.certificate))
        self.assertRegex(self.fails(cert=self.certificate, key=self.certificate.parent / "none"), "certificate's key")
        self.assertIn("do not fit", self.fails(cert=self.certificate, key=self.certificate))
        self.assertIn("do not fit", self.fails(cert=self.certificate, key=self.other_key))


class ClientCertificates(Tls):
    """Only clients with a certificate of the authority are let in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.stop()
        file = pathlib.Path(cls.keys.name) / "content"
        cls.server = Server(uploads=cls.root, cert=cls.certificate, key=cls.key, ca=cls.other, file=file)
        cls.context.load_cert_chain(cls.other, cls.other_key)

    def test_without_one(self):
        for certificate in (None, (self.certificate, self.key)):
            context = ssl.create_default_context(cafile=str(self.certificate))
            if certificate:
                context.load_cert_chain(*certificate)
            client = context.wrap_socket(self.raw(), server_hostname="127.0.0.1")
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertEqual(statuses(read_all(client)), [403])
            client.close()


if __name__ == "__main__":
    unittest.main()

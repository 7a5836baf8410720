from __future__ import annotations

import datetime
import ipaddress
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yingda.cli import connection, main, program
from yingda.errors import YingdaError
from yingda.v1 import conversation_service_pb2 as pb
from yingda.v1.analysis_pb2 import Analysis

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; what it printed."""

    def run(*arguments: str, code: int) -> str:
        found = program.run(arguments)
        out, errors = capsys.readouterr()
        assert found == code, errors
        assert "Traceback" not in errors
        return out + errors

    return run


def explain(
    request: pb.ExplainAssignmentRequest, context: grpc.ServicerContext
) -> pb.ExplainAssignmentResponse:
    """Answers as a gateway would."""
    return pb.ExplainAssignmentResponse(analysis=Analysis(intent="shipping.track"))


def certificate() -> tuple[bytes, bytes]:
    """A key and a certificate for this machine that nobody else signed, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[str]:
    """A gateway behind TLS; its certificate is in ca.pem."""
    private, public = certificate()
    (tmp_path / "ca.pem").write_bytes(public)
    with ThreadPoolExecutor() as threads:
        server = grpc.server(threads)
        handler = grpc.unary_unary_rpc_method_handler(
            explain, pb.ExplainAssignmentRequest.FromString, pb.ExplainAssignmentResponse.SerializeToString
        )
        service = {"ExplainAssignment": handler}
        server.add_registered_method_handlers("yingda.v1.ConversationService", service)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(private, public)]))
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


def test_where_nobody_listens_one_line_names_serve(run: Run) -> None:
    said = run("agents", "list", "--target", "127.0.0.1:1", code=2)

    assert said.startswith("yingda: no gateway listens at 127.0.0.1:1: start one with `yingda serve")
    assert said.count("\n") == 1


def test_a_socket_that_is_not_there_is_nobody_too(run: Run, tmp_path: Path) -> None:
    assert "no gateway listens" in run("agents", "list", "--target", f"unix:{tmp_path}/no.sock", code=2)


def test_a_gateway_behind_tls_is_asked_with_its_certificate(run: Run, secure: str, tmp_path: Path) -> None:
    text = run("route", "hi", "--target", secure, "--ca", str(tmp_path / "ca.pem"), code=0)

    assert "shipping.track" in text


def test_a_certificate_of_somebody_else_is_refused(run: Run, secure: str, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(certificate()[1])
    said = run("route", "hi", "--target", secure, "--ca", str(tmp_path / "other.pem"), code=1)

    assert said.startswith("yingda: UNAVAILABLE: ")
    assert "CERTIFICATE_VERIFY_FAILED" in said


def test_a_certificate_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    assert "name another with --ca" in run("route", "hi", "--ca", str(tmp_path / "no.pem"), code=1)


def test_a_missing_token_names_the_option() -> None:
    problem = connection.failure("127.0.0.1:1", YingdaError(grpc.StatusCode.UNAUTHENTICATED, "who are you"))

    assert "--token or YINGDA_TOKEN" in str(problem)
    assert problem.exit_code == 1


def test_a_gateway_that_is_up_but_lost_its_engine_speaks_for_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        problem = connection.failure(
            f"127.0.0.1:{listening.getsockname()[1]}", YingdaError(grpc.StatusCode.UNAVAILABLE, "try again")
        )

    assert str(problem) == "UNAVAILABLE: try again"


def test_an_interrupted_command_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "run", interrupted)

    assert main(["agents", "list"]) == 130
    assert capsys.readouterr() == ("", "")

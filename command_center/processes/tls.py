"""A local certificate authority, for installations that answer beyond loopback without a certificate."""

import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from command_center.processes.broker import replace_private
from gis_core.errors import DomainError, Text

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""Browsers refuse server certificates that are valid for more than 398 days."""
RENEW_BEFORE_DAYS = 30


class BadCertificate(DomainError):
    status, slug = 422, "bad-certificate"
    title = Text("证书不可用", "The certificate cannot be used")
    detail = Text("{path}：{reason_zh}", "{path}: {reason}")


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its key, as PEM files; ``authority`` when we signed it ourselves."""

    chain: Path
    key: Path
    authority: Path | None = None

    def instructions(self) -> Text:
        """How a browser comes to trust our authority."""
        path = self.authority
        install = f"cp {path} /usr/local/share/ca-certificates/wanmi.crt && update-ca-certificates"
        return Text(
            f"使用了自建的本地证书机构。请把 {path} 装进访问者电脑的受信任根证书：\n"
            "    Windows：双击 → 安装证书 → 本地计算机 → 受信任的根证书颁发机构\n"
            f"    Debian/Ubuntu：{install}\n"
            "    Firefox：设置 → 隐私与安全 → 查看证书 → 导入",
            f"A local certificate authority was made. Let the visitors' machines trust {path}:\n"
            "    Windows: double click, Install, Local Machine, Trusted Root Certification Authorities\n"
            f"    Debian/Ubuntu: {install}\n"
            "    Firefox: Settings, Privacy & Security, View Certificates, Import",
        )


def given(chain: Path, key: Path) -> Certificate:
    """A certificate from outside. Raises BadCertificate when it is unreadable, expired or not the key's."""
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError) as error:
        raise BadCertificate(
            path=str(chain), reason_zh=f"无法读取（{error}）", reason=f"unreadable ({error})"
        ) from error
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadCertificate(
            path=str(key), reason_zh=f"无法读取（{error}）", reason=f"unreadable ({error})"
        ) from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise BadCertificate(
            path=str(key), reason_zh="与证书不匹配", reason="does not belong to the certificate"
        )
    if certificate.not_valid_after_utc < _now():
        raise BadCertificate(path=str(chain), reason_zh="已过期", reason="has expired")
    return Certificate(chain.absolute(), key.absolute())


def made(folder: Path, host: str) -> Certificate:
    """A certificate for this machine's names and addresses, signed by an authority made on first use.

    Made anew when it is about to expire or when the machine has got other addresses.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority, authority_key = _authority(folder)
    names = _names(host)
    chain, key = folder / "server.pem", folder / "server.key"
    if not (chain.exists() and key.exists() and _still_good(chain, names)):
        _sign_server(chain, key, names, authority, authority_key)
    return Certificate(chain, key, folder / "wanmi-ca.pem")


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path, key_path = folder / "wanmi-ca.pem", folder / "wanmi-ca.key"
    if path.exists() and key_path.exists():
        stored = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if isinstance(stored, ec.EllipticCurvePrivateKey):
            return x509.load_pem_x509_certificate(path.read_bytes()), stored
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Wanmi local CA {socket.gethostname()}"[:64])])
    certificate = (
        _builder(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_path, key)
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _sign_server(
    chain: Path,
    key_path: Path,
    names: list[x509.GeneralName],
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, socket.gethostname()[:64])])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    _write_key(key_path, key)
    pem = serialization.Encoding.PEM
    chain.write_bytes(certificate.public_bytes(pem) + authority.public_bytes(pem))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - datetime.timedelta(days=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _names(host: str) -> list[x509.GeneralName]:
    addresses = {"127.0.0.1", "::1"}
    for found in psutil.net_if_addrs().values():
        for address in found:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                addresses.add(address.address.split("%")[0])
    names = {"localhost", socket.gethostname(), socket.getfqdn()}
    try:
        addresses.add(str(ipaddress.ip_address(host)))
    except ValueError:
        names.add(host)
    known = sorted(str(ipaddress.ip_address(address)) for address in addresses)
    return [
        *(x509.DNSName(name) for name in sorted(names) if name),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in known),
    ]


def _still_good(chain: Path, names: list[x509.GeneralName]) -> bool:
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    carried = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    fresh = certificate.not_valid_after_utc - _now() > datetime.timedelta(days=RENEW_BEFORE_DAYS)
    return fresh and set(names) <= set(carried)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace_private(path, pem.decode("ascii"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)

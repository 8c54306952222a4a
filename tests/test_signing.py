import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli import app
from detector.model import ModelError, load_model, sign_model
from detector.signing import SIGNATURE
from tests.bundles import make_bundle, zipped

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
from cryptography.hazmat.primitives import serialization as pem  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402


def write_keys(
    folder: Path, name: str, key: object = None, password: bytes | None = None
) -> tuple[Path, Path]:
    """(private, public) key files."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    lock = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock))  # type: ignore[attr-defined]
    public.write_bytes(
        key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    )
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return write_keys(tmp_path, "ours")


@pytest.fixture
def signed(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    folder = make_bundle(tmp_path / "model")
    sign_model(folder, keys[0])
    return folder


def test_a_signed_bundle_loads_with_its_key_and_without(
    signed: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    digest = load_model(signed).digest
    assert load_model(signed, keys[1]).digest == digest
    assert load_model(zipped(signed, tmp_path / "model.zip"), keys[1]).digest == digest


def test_a_zip_can_be_signed_once(keys: tuple[Path, Path], tmp_path: Path) -> None:
    packed = zipped(make_bundle(tmp_path / "model"), tmp_path / "model.zip")
    assert sign_model(packed, keys[0]) == packed
    assert load_model(packed, keys[1]).digest == load_model(tmp_path / "model").digest
    with pytest.raises(ModelError, match="signed already"):
        sign_model(packed, keys[0])


def test_bundles_of_strangers_are_refused(signed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_keys(tmp_path, "theirs")
    with pytest.raises(ModelError, match="was not made with the key of"):
        load_model(signed, other[1])
    fresh = make_bundle(tmp_path / "other", seed=9)
    with pytest.raises(ModelError, match=r"manifest\.sig"):
        load_model(fresh, keys[1])
    shutil.copy(signed / SIGNATURE, fresh)
    with pytest.raises(ModelError, match="was not made with the key of"):
        load_model(fresh, keys[1])


@pytest.mark.parametrize("damage", [b"", b"x" * 63, b"x" * 64, b"x" * 65])
def test_signatures_that_are_none_are_refused(signed: Path, keys: tuple[Path, Path], damage: bytes) -> None:
    (signed / SIGNATURE).write_bytes(damage)
    with pytest.raises(ModelError, match=r"was not made with the key|larger than 64 bytes"):
        load_model(signed, keys[1])


def test_a_changed_file_is_refused_though_the_signature_is_right(
    signed: Path, keys: tuple[Path, Path]
) -> None:
    (signed / "curves.npy").write_bytes((signed / "curves.npy").read_bytes()[:-8] + b"\1" * 8)
    with pytest.raises(ModelError, match="does not match its hash"):
        load_model(signed, keys[1])


def test_keys_that_are_none_say_so(signed: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
    locked, _ = write_keys(tmp_path, "locked", password=b"secret")
    for key, words in ((private, "is not a private Ed25519 key"), (locked, "Password"), (keys[1], "not a key"), (tmp_path / "no", "no such file")):  # fmt: skip
        with pytest.raises(ModelError, match=words):
            sign_model(signed, key)
    for key, words in ((public, "is not a public Ed25519 key"), (signed / "trees.npy", "not a key")):
        with pytest.raises(ModelError, match=words):
            load_model(signed, key)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    private, public = write_keys(tmp_path, "ours")
    make_bundle(tmp_path / "m")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["model", *arguments])
        return result.exit_code, result.stdout + result.stderr

    assert run("verify", "m", "--public-key", str(public))[0] == 2
    assert run("sign", "m", "--key", str(private)) == (0, f"signed: {Path('m') / SIGNATURE}\n")
    status, said = run("verify", "m", "--public-key", str(public))
    assert status == 0
    assert "was signed with the key" in said
    status, said = run("sign", "nowhere", "--key", str(private))
    assert status == 2
    assert "no such model" in said

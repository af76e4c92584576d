"""Only what somebody trusted has signed is served; each refusal says what is wrong and what to do."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from services.chassis.errors import Denied, Invalid, MeshError, NotFound
from services.inference.adapters.trust import TrustedKeys
from tools.train.sign import sign, signing_key


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder signed with a key that is trusted."""
    folder = tmp_path / "models/pcb"
    (folder / "1").mkdir(parents=True)
    (folder / "1/model.onnx").write_bytes(b"network")
    signed(folder, tmp_path / "key.pem", tmp_path / "trust")
    return folder


def signed(folder: Path, key: Path, trust: Path) -> None:
    digest = hashlib.sha256((folder / "1/model.onnx").read_bytes()).hexdigest()
    sign(folder, {"name": folder.name, "files": {"1/model.onnx": digest}, "threshold": 0.4}, signing_key(key, trust))


def refusal(model: Path, tmp_path: Path) -> MeshError:
    with pytest.raises(MeshError) as caught:
        TrustedKeys(tmp_path / "trust").verify(model)
    return caught.value


def test_what_a_trusted_key_has_signed_is_believed(model, tmp_path):
    assert TrustedKeys(tmp_path / "trust").verify(model)["threshold"] == 0.4


def test_another_network_in_its_place_is_refused(model, tmp_path):
    (model / "1/model.onnx").write_bytes(b"another network")

    error = refusal(model, tmp_path)
    assert isinstance(error, Denied)
    assert "1/model.onnx is not the file that was signed" in str(error)
    assert "jidoka export --key" in error.fix


def test_a_threshold_that_was_changed_by_hand_is_refused(model, tmp_path):
    path = model / "manifest.json"
    path.write_text(path.read_text().replace("0.4", "0.9"))

    assert "was changed after it was signed" in str(refusal(model, tmp_path))


def test_a_changed_payload_is_not_what_the_key_has_signed(model, tmp_path):
    path = model / "manifest.dsse.json"
    envelope = json.loads(path.read_text())
    path.write_text(json.dumps(envelope | {"payload": envelope["payload"][:-4] + "AAAA"}))

    assert isinstance(refusal(model, tmp_path), Denied)


def test_a_key_that_was_taken_out_counts_no_more_and_a_stranger_never_did(model, tmp_path):
    trusted = next((tmp_path / "trust").glob("*.pem"))
    pem = trusted.read_bytes()
    trusted.unlink()
    assert "is no key in" in str(refusal(model, tmp_path))

    trusted.write_bytes(pem)
    signed(model, tmp_path / "stranger.pem", tmp_path / "elsewhere")
    assert "if you know whose it is" in refusal(model, tmp_path).fix


def test_another_model_of_ours_under_this_name_is_refused(model, tmp_path):
    """An older one could be put back into this place, with its figures and its threshold (S2)."""
    other = model.rename(model.with_name("other"))

    error = refusal(other, tmp_path)
    assert "other holds what was signed as 'pcb'" in str(error)
    assert isinstance(error, Denied)


def test_no_signature_no_envelope_no_key(model, tmp_path):
    (tmp_path / "trust/broken.pem").write_text("no key")
    assert "no public key" in str(refusal(model, tmp_path))
    (tmp_path / "trust/broken.pem").unlink()

    (model / "manifest.dsse.json").write_text("{}")
    assert isinstance(refusal(model, tmp_path), Invalid)
    (model / "manifest.dsse.json").unlink()
    assert isinstance(refusal(model, tmp_path), NotFound)


def test_the_private_key_is_for_its_owner_alone_and_is_made_once(tmp_path):
    path = tmp_path / "keys/model.pem"
    first, again = signing_key(path, tmp_path / "trust"), signing_key(path, tmp_path / "trust")

    assert first.private_bytes_raw() == again.private_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list((tmp_path / "trust").glob("*.pem"))) == 1
    path.write_text("no key")
    with pytest.raises(ValueError, match="no private key"):
        signing_key(path, tmp_path / "trust")


def test_a_key_that_no_plant_trusts_is_refused_before_an_hour_of_work_and_not_after(tmp_path):
    key = tmp_path / "keys/model.pem"
    signing_key(key, tmp_path / "trust")

    with pytest.raises(ValueError, match=r"public half is not in .*elsewhere.* `jidoka model key --key"):
        signing_key(key, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()

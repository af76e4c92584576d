import hashlib
from pathlib import Path

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from services.chassis.errors import Invalid, NotFound
from services.contracts import plant
from services.inference.adapters.model_folders import ModelFolders, parse
from services.inference.adapters.trust import TrustedKeys
from services.inference.domain.models import ModelSpec, Tensor, contract

REPO = Path(__file__).parents[3]
CONFIGS = sorted(REPO.glob("model_repository/*/config.pbtxt")) + sorted(REPO.glob("model_repository/*/configs/*.pbtxt"))
RECIPES = {recipe.model: recipe for recipe in plant.load(REPO / "deploy/plants/demo.yaml").recipes}


def folders(root: Path) -> ModelFolders:
    return ModelFolders(root, TrustedKeys(root / "trust"))


def tensors(described) -> set[Tensor]:
    return {
        Tensor(
            t.name,
            t.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[t.data_type].name.removeprefix("TYPE_"),
            (-1, *t.dims),
        )
        for t in described
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(REPO / "model_repository")))
def test_every_shipped_configuration_is_what_triton_reads_and_keeps_the_contract(path: Path):
    config: ModelConfig = parse(path)
    model = path.relative_to(REPO / "model_repository").parts[0]
    recipe = RECIPES[model]
    expected = contract(ModelSpec(model, recipe.height_px, recipe.width_px))

    assert config.name in ("", model)
    assert config.max_batch_size > 0, "the contract has a batch dimension"
    assert tensors(config.input) == set(expected.inputs)
    assert tensors(config.output) >= set(expected.outputs)
    assert all(group.count and not group.kind for group in config.instance_group), "counted, and no KIND_*: CPU and GPU"


def test_the_shipped_models_have_a_configuration_each():
    assert {path.parent.name for path in CONFIGS} >= set(RECIPES)


def test_a_missing_model_is_named_with_its_folder_and_what_to_do(tmp_path):
    with pytest.raises(NotFound) as caught:
        folders(tmp_path).check("pcb")

    assert f"no model in {tmp_path}/pcb" in str(caught.value)
    assert f"{tmp_path}/pcb/1/model.onnx" in caught.value.fix


def test_a_mistake_in_a_configuration_is_named_with_line_and_column(tmp_path):
    (tmp_path / "pcb/1").mkdir(parents=True)
    (tmp_path / "pcb/1/model.onnx").write_bytes(b"")
    (tmp_path / "pcb/config.pbtxt").write_text('backend: "onnxruntime"\nmax_batch: 8\n')

    with pytest.raises(Invalid, match=r'config\.pbtxt:2:1 .*no field named "max_batch"'):
        folders(tmp_path).check("pcb")


def test_a_model_without_labels_is_refused_because_boxes_without_names_are_worth_nothing(tmp_path):
    with pytest.raises(NotFound, match=r"write one class name per line to .*pcb/labels\.txt"):
        folders(tmp_path).labels("pcb")


def test_the_digest_is_that_of_the_served_version(tmp_path):
    for version in ("1", "2"):
        (tmp_path / "pcb" / version).mkdir(parents=True)
        (tmp_path / "pcb" / version / "model.onnx").write_bytes(version.encode())

    assert folders(tmp_path).digest("pcb", "2") == hashlib.sha256(b"2").hexdigest()
    assert folders(tmp_path).digest("pcb", "3") == ""
